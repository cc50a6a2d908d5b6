// What other people's types say against objects: unknown fields and wrong types (TypeScript), formats and limits (their validators).
// node types.mjs FOLDER < objects.json: FOLDER has node_modules; prints a JSON list of errors. The types are made from the Go code
// that the published custom resource definitions are made from, too.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const ts = createRequire(join(folder, "package.json"))("typescript");
const PACKAGES = {
  "argoproj.io/AnalysisTemplate": "argo-rollouts",
  "argoproj.io/AppProject": "argo-cd",
  "argoproj.io/Application": "argo-cd",
  "argoproj.io/ApplicationSet": "argo-cd",
  "argoproj.io/Rollout": "argo-rollouts",
  "gateway.networking.k8s.io/HTTPRoute": "gateway-api",
  "keda.sh/ScaledObject": "keda",
  "monitoring.coreos.com/ServiceMonitor": "prometheus-operator",
};

const objects = JSON.parse(readFileSync(0, "utf8"));
const errors = [];
const source = [];
for (const [number, object] of objects.entries()) {
  const [group, version] = object.apiVersion.split("/");
  const where = `${object.kind}/${object.metadata.name}`;
  const name = PACKAGES[`${group}/${object.kind}`];
  if (!name) {
    errors.push(`${where}: no schema of ${object.apiVersion} ${object.kind} is known here`);
    source.push("");
    continue;
  }
  const path = `@kubernetes-models/${name}/${group}/${version}/${object.kind}`;
  try {
    const module = await import(pathToFileURL(join(folder, "node_modules", `${path}.js`)).href);
    new module[object.kind](object).validate();
  } catch (error) {
    errors.push(`${where}: ${error.message}`);
  }
  source.push(`import type { I${object.kind} as T${number} } from "${path}"; export const o${number}: T${number} = ${JSON.stringify(object)};`);
}

const file = join(folder, "objects.ts"); // in memory alone
const options = {
  lib: ["lib.es2022.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  noEmit: true,
  skipLibCheck: true,
  strict: true,
  target: ts.ScriptTarget.ES2022,
  types: [],
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
host.getSourceFile = (name, ...more) =>
  name === file ? ts.createSourceFile(name, source.join("\n"), ...more) : getSourceFile.call(host, name, ...more);
host.fileExists = (name) => name === file || fileExists.call(host, name);
for (const found of ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))) {
  const line = found.file && found.start !== undefined ? found.file.getLineAndCharacterOfPosition(found.start).line : undefined;
  const object = objects[line];
  const where = object ? `${object.kind}/${object.metadata.name}` : "types";
  errors.push(`${where}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
}
console.log(JSON.stringify(errors));
