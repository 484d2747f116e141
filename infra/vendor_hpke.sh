#!/bin/sh
# Rewrites what the browser seals plans with: HPKE and SHA-256 as one module each. For maintainers; called by vendor.sh.
# Every package is named with its version, none is resolved. Bundled, not minified: it can be read and compared.
#
# usage: infra/vendor_hpke.sh FOLDER
set -eu

ESBUILD=0.28.2
PACKAGES="@hpke/core@1.9.0 @hpke/common@1.10.1 @hpke/hybridkem-x-wing@0.7.0 @hpke/dhkem-x25519@1.8.0 mlkem@2.7.0
  hpke@1.1.7 @panva/hpke-noble@1.0.3
  @noble/hashes@2.4.0 @noble/ciphers@2.4.0 @noble/curves@2.4.0 @noble/post-quantum@0.5.4"

target=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

for package in $PACKAGES; do
  name=${package%@*}
  npm pack --silent --pack-destination "$work" "$package" >/dev/null
  mkdir -p "node_modules/$name"
  tar -xzf ./*.tgz -C "node_modules/$name" --strip-components=1
  rm ./*.tgz
done

cat >hpke-xwing.js <<'END'
export { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
export { XWing } from "@hpke/hybridkem-x-wing";
END
cat >hpke-mlkem1024-p384.js <<'END'
export { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA384 } from "hpke";
export { KEM_MLKEM1024_P384 } from "@panva/hpke-noble";
END
cat >sha256.js <<'END'
export { sha256 } from "@noble/hashes/sha2.js";
END

rm -f "$target"/*.js "$target"/LICENSE*
for entry in hpke-xwing hpke-mlkem1024-p384 sha256; do
  npm exec --yes --silent "esbuild@$ESBUILD" -- "$entry.js" --bundle --format=esm --target=es2022 --charset=utf8 \
    --legal-comments=inline --log-level=warning --outfile="$target/$entry.js"
done
cp node_modules/@hpke/core/LICENSE "$target/LICENSE-hpke-js"
cp node_modules/mlkem/LICENSE "$target/LICENSE-mlkem"
cp node_modules/hpke/LICENSE.md "$target/LICENSE-hpke"
cp node_modules/@noble/hashes/LICENSE "$target/LICENSE-noble"
