"""HTTP below the imitated API and the control plane: routes, lean answers, and errors that are always JSON."""
