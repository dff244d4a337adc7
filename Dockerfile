# The local Apiframe in a container:
#   docker build -t apiframe-mockserver .
#   docker run --rm -p 127.0.0.1:4010:4010 apiframe-mockserver
# In a container the server listens on all addresses, so the control plane under /_mock is closed
# unless a token is given: -e MOCKSERVER_ADMIN_TOKEN=...

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY mockserver mockserver
COPY contract_tests contract_tests
COPY schemas schemas
COPY fixtures fixtures
RUN pip wheel --no-cache-dir --wheel-dir /wheels --constraint requirements.lock ".[metrics,redis]"

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index /wheels/*.whl && useradd --system --create-home --uid 10001 mock
USER 10001
WORKDIR /home/mock
EXPOSE 4010
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["mockserver", "wait", "http://127.0.0.1:4010", "--timeout", "2s", "--quiet"]
ENTRYPOINT ["mockserver"]
CMD ["serve", "--host", "0.0.0.0"]
