"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const clauses = all(".clause");
  const areas = all(".area");
  const find = document.getElementById("find");
  const toggle = document.getElementById("toggle");
  const none = document.getElementById("none");
  const chips = all(".chip input");
  document.documentElement.classList.add("js");

  const texts = new Map(clauses.map((clause) => [clause, clause.textContent.toLowerCase()]));

  function refresh() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = chips.filter((chip) => chip.checked).map((chip) => chip.value);
    let shown = 0;
    for (const clause of clauses) {
      const fits = words.every((word) => texts.get(clause).includes(word));
      clause.hidden = !fits || (only.length > 0 && !only.includes(clause.dataset.verdict));
      shown += clause.hidden ? 0 : 1;
    }
    for (const area of areas) area.hidden = all(".clause", area).every((clause) => clause.hidden);
    none.hidden = shown > 0 || clauses.length === 0;
    renameToggle();
  }

  function visibleClauses() {
    return clauses.filter((clause) => !clause.hidden);
  }

  function renameToggle() {
    const shown = visibleClauses();
    const areOpen = shown.length > 0 && shown.every((clause) => clause.open);
    toggle.textContent = areOpen ? "Close all" : "Open all";
  }

  function reveal() {
    const id = decodeURIComponent(location.hash.slice(1));
    const clause = id && document.getElementById(id);
    if (!clause || !clause.matches(".clause")) return;
    if (clause.hidden) {
      find.value = "";
      for (const chip of chips) chip.checked = false;
      refresh();
    }
    clause.open = true;
    clause.scrollIntoView();
    clause.querySelector("summary").focus({ preventScroll: true });
  }

  async function copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  for (const block of all(".can-copy")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", () => copy(button, block.querySelector("pre").textContent));
    block.append(button);
  }

  find.addEventListener("input", refresh);
  for (const chip of chips) chip.addEventListener("change", refresh);
  for (const clause of clauses) clause.addEventListener("toggle", renameToggle);
  toggle.addEventListener("click", () => {
    const shown = visibleClauses();
    const open = !shown.every((clause) => clause.open);
    for (const clause of shown) clause.open = open;
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input[type=search], textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      find.focus();
    } else if (event.key === "Escape" && event.target === find) {
      find.value = "";
      refresh();
    }
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) reveal();
  });
  addEventListener("hashchange", reveal);
  refresh();
  reveal();
})();
