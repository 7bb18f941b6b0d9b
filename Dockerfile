# docker build -t consigne .
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/consigne
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
RUN /opt/consigne/bin/python -m pip install --no-cache-dir --no-compile --constraint constraints.txt /wheels/consigne-*.whl
RUN /opt/consigne/bin/consigne --version

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        tesseract-ocr tesseract-ocr-eng tesseract-ocr-fra tesseract-ocr-osd \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/consigne consigne
COPY --from=build /opt/consigne /opt/consigne
ENV PATH=/opt/consigne/bin:$PATH \
    CONSIGNE_DATA=/var/lib/consigne \
    CONSIGNE_HOST=0.0.0.0 \
    CONSIGNE_PORT=8080 \
    CONSIGNE_LOG_FORMAT=json
USER consigne
WORKDIR /var/lib/consigne
VOLUME /var/lib/consigne
EXPOSE 8080
HEALTHCHECK --start-period=60s --interval=15s --timeout=8s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health/ready', timeout=6)"]
CMD ["consigne", "serve"]
