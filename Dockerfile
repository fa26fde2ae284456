# The worker and every `booking` command; at run time no compiler, no pip, no shell needed, not root,
# and nothing written but /run/booking: the rest may be read-only (docs/docker.md).
#
# The base is pinned by version. Pin it by digest where images are built
# (`--build-arg PYTHON=python:3.11.13-slim-bookworm@sha256:…`): no registry was at hand to ask for one.
ARG PYTHON=python:3.11.13-slim-bookworm
ARG NODE=node:22.20.0-bookworm-slim

# The viewer of `booking docs --format html`, from npm.
FROM ${NODE} AS viewer
COPY app/documents/fetch_viewer.sh /viewer/
RUN /viewer/fetch_viewer.sh

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The lock first: it changes seldom, and its hashes decide which files are right. It also holds what
# tests need, so its files are fetched and checked as a whole and only what the worker needs is
# installed from them.
COPY requirements.lock .
RUN pip download --require-hashes -r requirements.lock -d /wheels
COPY pyproject.toml LICENSE ./
COPY app app
COPY --from=viewer /viewer/viewer app/documents/viewer
COPY handlers handlers
COPY domain domain
COPY adapters adapters
COPY schemas schemas
# The environment has no pip of its own, and its files are compiled now: later nobody may write.
RUN python -m venv --without-pip /app \
    && pip --python /app/bin/python install --no-index --find-links /wheels --compile .

FROM ${PYTHON}
LABEL org.opencontainers.image.title="booking-worker" \
      org.opencontainers.image.description="Bookings over Kafka: commands in, exactly one reply, events out" \
      org.opencontainers.image.licenses="Apache-2.0"
# What the base brings to install more is of no use to anybody but a guest.
RUN pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip \
    && install -d -o 10001 -g 10001 /run/booking
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BOOKING_HEALTH__FILE=/run/booking/health
# By number: Kubernetes cannot tell whether a name is root's.
USER 10001:10001
WORKDIR /run/booking
EXPOSE 9464
# A worker that waits for Kafka or the database is alive; it must not be restarted for that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["booking", "health", "--live"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["booking"]
CMD ["run"]
