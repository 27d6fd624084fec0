FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt

COPY . .
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin loupe \
    && install -d -o loupe -g loupe /data /static \
    && python -m compileall -q annotation qc evaluation config
USER loupe

# LOUPE_DATA is a volume shared by web, worker and beat; the static files belong to the image
ENV LOUPE_DATA=/data STATIC_ROOT=/static HASHED_STATIC=true
RUN SECRET_KEY=build LOUPE_NO_SERVERS=1 python manage.py collectstatic --no-input -v 0
VOLUME /data
EXPOSE 8000

CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "120", "--keep-alive", "75", "--preload", "--no-control-socket"]
