#!/usr/bin/env bash
# Builds the image of Remora for one architecture, with buildah, podman or docker:
#
#   deploy/image/build.sh --tag registry.example.com/remora:0.1.0 [--arch amd64|arm64] [--base IMAGE] [--tool TOOL] [-- ARGUMENTS OF IT]
#
# Node and what Remora depends on come from npm, for that architecture and whatever this machine has; the rest is Debian's.
# --app FOLDER gathers what goes in, and builds nothing.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)

tag=remora:latest base='' tool='' app=''
case $(uname -m) in x86_64) arch=amd64 ;; aarch64 | arm64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
while [ $# -gt 0 ]; do
  case $1 in
    --tag) tag=$2; shift 2 ;;
    --arch) arch=$2; shift 2 ;;
    --base) base=$2; shift 2 ;;
    --tool) tool=$2; shift 2 ;;
    --app) app=$2; shift 2 ;;
    --) shift; break ;;
    *) echo "build.sh: $1 is no option; those that there are stand at the top of this file" >&2; exit 2 ;;
  esac
done
case $arch in
  amd64) cpu=x64 ;;
  arm64) cpu=arm64 ;;
  *) echo "build.sh: Node comes for amd64 and arm64, not for $arch" >&2; exit 2 ;;
esac

# What `npm pack` would pack, and what that needs to run.
gather() {
  local to=$1
  mkdir -p "$to"
  (cd "$repository" && npm run -s build && npm pack --dry-run --json 2>/dev/null) |
    node -e 'for (const { path } of JSON.parse(require("fs").readFileSync(0, "utf8"))[0].files) console.log(path)' |
    grep -v '^docs/' | tar -C "$repository" -cf - -T - | tar -C "$to" -xf -
  cp "$repository/package-lock.json" "$repository/.npmrc" "$to/"
  npm ci --prefix "$to" --omit=dev --os=linux --cpu="$cpu" --libc=glibc --no-audit --no-fund --loglevel=error
  install -D -m 755 "$to/node_modules/node-linux-$cpu/bin/node" "$to/node/bin/node"
  install -m 644 "$to/node_modules/node-linux-$cpu/LICENSE" "$to/node/LICENSE"
  rm -rf "$to"/node_modules/node-* "$to/node_modules/.bin" "$to/package-lock.json" "$to/.npmrc"
  prune "$to/node_modules"
  # What programs are told apart by does not depend on when the image was built.
  find "$to" -exec touch -h -d @0 {} +
}

# Types and their sources, maps of generated code, and builds for browsers: nothing of it is ever loaded.
prune() {
  find "$1" -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.md' -o -name '*.markdown' \
    -o -name '*.flow' -o -name '*.tsbuildinfo' \) -delete
  find "$1" -type d \( -path '*/dist/browser' -o -path '*/dist/react-native' -o -path '*/@types' \) -prune -exec rm -rf {} +
  rm -rf "$1"/openai/src "$1"/@azure/msal-browser "$1"/bare-*
  find "$1" -type d -empty -delete
}

if [ -n "$app" ]; then gather "$app"; exit; fi

if [ -z "$tool" ]; then
  for each in buildah podman docker; do command -v $each >/dev/null && tool=$each && break; done
  [ -n "$tool" ] || { echo 'build.sh: needs buildah, podman or docker' >&2; exit 2; }
fi
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
gather "$context/app"
cp "$repository/deploy/image/Dockerfile" "$context/"
case $tool in
  *buildah*) build=bud ;;
  *) build=build ;;
esac
# The storage of buildah and podman, where it is no usual one: REMORA_TOOL_FLAGS.
# shellcheck disable=SC2086
$tool ${REMORA_TOOL_FLAGS:-} $build --platform "linux/$arch" ${base:+--build-arg BASE="$base"} -t "$tag" "$@" "$context"
