# The one image of Dunlin: every program of the stack runs from it. See docker-compose.yml.
#
# Where packages come from is the caller's business: PIP_INDEX_URL and its like are taken from the
# environment of `make image` and stay in the first stages, which are thrown away.

FROM python:3.11-slim AS packages
ARG PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/python
COPY requirements.lock requirements-tracing.lock ./
# requirements-tracing.lock where traces are wanted: the same packages and those of the extra.
ARG LOCK=requirements.lock
# Wheels only: a package that wants a compiler stops the build.
RUN pip --python /opt/python/bin/python install --no-compile --require-hashes --only-binary :all: -r "$LOCK"
RUN /opt/python/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/python/lib

FROM packages AS product
COPY pyproject.toml README.md ./
COPY protos/gen protos/gen
COPY services services
COPY gateway gateway
COPY embedded embedded
RUN pip --python /opt/python/bin/python install --no-compile --no-deps --no-build-isolation --no-index --target /opt/dunlin . \
 && /opt/python/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/dunlin

FROM python:3.11-slim
# The root file system is read-only when it runs, so whatever Python would cache is made now.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin dunlin \
 && install -d -o dunlin -g dunlin -m 0700 /mail \
 && python -m compileall -q -j 0 -x '/(test|tests|idlelib|lib2to3|site-packages|dist-packages)/' \
      --invalidation-mode unchecked-hash "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=packages /opt/python /opt/python
COPY --from=product /opt/dunlin /opt/dunlin
ENV PATH=/opt/dunlin/bin:/opt/python/bin:$PATH PYTHONPATH=/opt/dunlin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /tmp
USER 10001:10001
CMD ["dunlin", "--help"]
