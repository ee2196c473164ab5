# The environment of this project and its command, made for detection jobs:
#   docker build -t lanenb .
#   docker run --rm -v "$PWD/jobs:/jobs" lanenb detect /jobs/job.json
# With a GPU: --build-arg INDEX=https://download.pytorch.org/whl/cu128, and docker run --gpus all.
FROM python:3.11-slim
ARG INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /app
COPY constraints.txt settings.ini setup.py README.md LICENSE ./
# torch first and alone: the layer that takes longest changes least
RUN pip install --no-cache-dir --index-url "$INDEX" "$(grep '^torch==' constraints.txt)"
COPY lanenb lanenb
COPY nbs nbs
RUN pip install --no-cache-dir -c constraints.txt -e '.[onnx]'
ENV NO_ALBUMENTATIONS_UPDATE=1 PYTHONUNBUFFERED=1 LANENB_ROOT=/app
RUN useradd --create-home worker && mkdir /jobs && chown worker /jobs /app
USER worker
ENTRYPOINT ["lanenb"]
CMD ["--help"]
