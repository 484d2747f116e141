/* What a file is by its first bytes, of what a section of a plan may be: the same table as media_types.py. */

export const HEAD = 64 * 1024;
const ACCEPTED = "PDF, PNG, JPEG, OSCAL in JSON, YAML or XML, or a threat-actor register in JSON";
const MODELS =
  "(?:catalog|profile|mapping-collection|component-definition|system-security-plan" +
  "|assessment-plan|assessment-results|plan-of-action-and-milestones)";
const SPACE = "[ \\t\\n\\r\\f\\v]";
const BY_START = [
  ["%PDF-[12]\\.[0-9]", "application/pdf"],
  ["\\x89PNG\\r\\n\\x1a\\n", "image/png"],
  ["\\xff\\xd8\\xff", "image/jpeg"],
  [
    `${SPACE}*\\{${SPACE}*(?:"\\$schema"${SPACE}*:${SPACE}*"[^"\\\\]{0,500}"${SPACE}*,${SPACE}*)?"${MODELS}"${SPACE}*:${SPACE}*\\{`,
    "application/oscal+json",
  ],
  [
    `${SPACE}*\\{${SPACE}*(?:"v"${SPACE}*:${SPACE}*"assay\\.threat-actors/v1"|"actors"${SPACE}*:${SPACE}*\\[)`,
    "application/oscal+json",
  ],
  [
    `${SPACE}*(?:<\\?xml${SPACE}[^>]{0,200}\\?>${SPACE}*)?(?:<(?:!--[^<]{0,4000}--|\\?[^<>]{0,500}\\?)>${SPACE}*){0,20}` +
      `<${MODELS}${SPACE}[^<>]{0,2000}xmlns${SPACE}*=${SPACE}*["']http://csrc\\.nist\\.gov/ns/oscal/1\\.0["']`,
    "application/oscal+xml",
  ],
  [
    "(?:%YAML 1\\.[12]\\r?\\n)?(?:---[ \\t]*\\r?\\n)?(?:[ \\t]*(?:#[^\\n]{0,500})?\\r?\\n){0,100}" +
      `${MODELS}:[ \\t]*\\r?\\n[ \\t]+[a-z"']`,
    "application/oscal+yaml",
  ],
].map(([pattern, type]) => [new RegExp("^" + pattern), type]);

/** The media type of a file with these first bytes, or null. */
export function sniff(bytes) {
  let head = "";
  for (let at = 0; at < Math.min(bytes.length, HEAD); at += 8192)
    head += String.fromCharCode(...bytes.subarray(at, Math.min(at + 8192, HEAD)));
  if (head.startsWith("\u00ef\u00bb\u00bf")) head = head.slice(3);
  const found = BY_START.find(([pattern]) => pattern.test(head));
  return found ? found[1] : null;
}

/** Why a file is not taken. */
export const NOT_ACCEPTED = `A section of a plan is ${ACCEPTED}; by its first bytes this file is none of them.`;
