# One image for every process of docker-compose.yml; the command says which one it is.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DEPLOYMENT=production DATA_DIR=/data
WORKDIR /app
RUN useradd --system --uid 10001 ltxplatform && install -d -o ltxplatform /data /data/media

COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/base.txt

COPY manage.py LICENSE ./
COPY templates templates
COPY accounts accounts
COPY billing billing
COPY generations generations
COPY ltxplatform ltxplatform

# Static files are hashed into the image. The values here reach no running process.
RUN DEPLOYMENT=development STATIC_FROM_SOURCE=false python manage.py collectstatic --noinput

USER ltxplatform
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "5", "ltxplatform.wsgi:application"]
