# The worker and every `booking` command; no compiler, no shell needed at run time, not root.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /app
# The lock first: it changes seldom, and its hashes decide which files are right. It also holds what
# tests need, so its files are fetched and checked as a whole and only what the worker needs is
# installed from them.
COPY requirements.lock .
RUN pip download --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock -d /wheels
COPY pyproject.toml LICENSE ./
COPY app app
COPY handlers handlers
COPY domain domain
COPY adapters adapters
COPY schemas schemas
RUN /app/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --find-links /wheels .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home booking && install -d -o booking /run/booking
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 BOOKING_HEALTH__FILE=/run/booking/health
USER booking
WORKDIR /run/booking
# A worker that waits for Kafka or the database is alive; it must not be restarted for that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["booking", "health", "--live"]
ENTRYPOINT ["booking"]
CMD ["run"]
