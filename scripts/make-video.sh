#!/bin/sh
# Makes the demo's video, src/server/demo-assets/clock.mp4: 30 s, of which each shows its number, so that seeking can be
# seen. Needs ffmpeg (Debian: apt-get install ffmpeg). The file is committed; run this only to change it.
#
# - H.264 and yuv420p, which every browser plays; a key frame each second, so that seeking is exact and quick.
# - faststart puts the index (moov) in front, so that playing begins before the end has arrived.
# - Nothing of the machine or the day goes into it (bitexact), so the same ffmpeg makes the same file.
set -eu
cd "$(dirname "$0")/.."
ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "testsrc=size=1280x720:rate=25:duration=30" \
  -c:v libx264 -preset veryslow -crf 11 -profile:v main -pix_fmt yuv420p -g 25 -threads 1 \
  -movflags +faststart -fflags +bitexact -flags:v +bitexact -map_metadata -1 \
  src/server/demo-assets/clock.mp4
