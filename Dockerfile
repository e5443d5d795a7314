# The roles and the command line of copystand; Kafka and PostgreSQL are images of their own.
FROM debian:bookworm-slim

RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    python3 python3-venv util-linux tesseract-ocr tesseract-ocr-eng tesseract-ocr-fra \
    tesseract-ocr-deu tesseract-ocr-lat tesseract-ocr-osd tesseract-ocr-script-frak \
    libimage-exiftool-perl fonts-ebgaramond fonts-junicode fonts-blankenburg ca-certificates \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home copystand \
 && install -d -o copystand /opt/copystand /home/copystand/home /run/copystand
USER copystand
WORKDIR /opt/copystand

COPY --chown=copystand requirements.lock ./
RUN python3 -m venv .venv \
 && .venv/bin/pip install -q --no-cache-dir --require-hashes -r requirements.lock
COPY --chown=copystand . ./
RUN .venv/bin/pip install -q --no-deps --no-build-isolation -e . \
 && .venv/bin/python -m infra.standards

ENV PATH=/opt/copystand/.venv/bin:$PATH PYTHONUNBUFFERED=1 COPYSTAND_HOME=/home/copystand/home
WORKDIR /home/copystand
ENTRYPOINT ["copystand"]
