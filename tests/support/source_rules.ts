/**
 * What every source file of the project must keep, as functions from a text to what is wrong with
 * it, so that a test can hold the whole project to them and show that each can fail.
 *
 * @module
 */

/** The longest file of lib and cli, in lines. */
export const MAX_FILE_LINES = 450;
/** The longest function of lib and cli, in lines. */
export const MAX_FUNCTION_LINES = 70;

const IMPURE_NAMES = new Set([
  "Deno",
  "Date",
  "performance",
  "fetch",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
]);
/** What gives time, chance or files without being given. */
const MACHINE_NAMES = new Set([
  "Deno",
  "Date",
  "performance",
  "crypto",
  "fetch",
  "setTimeout",
  "setInterval",
  "setImmediate",
]);
/** Modules of the platform that only compute. */
const COMPUTING = new Set(["node:buffer", "node:crypto"]);
const OUTPUTS = new Set([
  "process.stdout",
  "process.stderr",
  "Deno.stdout",
  "Deno.stderr",
]);

/** Runs one visitor over a source and gives what it reported, each with its line. */
function visit(
  source: string,
  visitor: (report: (node: Deno.lint.Node, text: string) => void) => Deno.lint.LintVisitor,
): string[] {
  const found: string[] = [];
  const report = (node: Deno.lint.Node, text: string) => {
    found.push(`line ${source.slice(0, node.range[0]).split("\n").length}: ${text}`);
  };
  const rule = { create: () => visitor(report) };
  Deno.lint.runPlugin({ name: "source-rules", rules: { rule } }, "source.ts", source);
  return found;
}

/** What keeps a source from being pure: clocks, randomness, timers, I/O and asynchrony. */
export function impurities(source: string): string[] {
  return visit(source, (report) => {
    const reportAsync = (
      node:
        | Deno.lint.FunctionDeclaration
        | Deno.lint.FunctionExpression
        | Deno.lint.ArrowFunctionExpression,
    ) => {
      if (node.async) report(node, "async");
    };
    return {
      FunctionDeclaration: reportAsync,
      FunctionExpression: reportAsync,
      ArrowFunctionExpression: reportAsync,
      AwaitExpression: (node) => report(node, "await"),
      ForOfStatement: (node) => {
        if (node.await) report(node, "await");
      },
      ImportExpression: (node) => report(node, "import()"),
      ImportDeclaration: (node) => {
        if (node.source.value.startsWith("node:")) report(node, node.source.value);
      },
      MemberExpression: (node) => {
        if (isMember(node, "Math", "random")) report(node, "Math.random");
      },
      Identifier: (node) => {
        if (IMPURE_NAMES.has(node.name) && !isMemberName(node)) report(node, node.name);
      },
    };
  });
}

/** Where a source takes time, chance, files or the network from the machine instead of being given them. */
export function machineUses(source: string): string[] {
  return visit(source, (report) => ({
    ImportDeclaration: (node) => {
      const module = node.source.value;
      if (module.startsWith("node:") && !COMPUTING.has(module)) report(node, module);
    },
    ImportSpecifier: (node) => {
      const { imported } = node;
      if (imported.type === "Identifier" && /^random[BFIU]/.test(imported.name)) {
        report(node, imported.name);
      }
    },
    MemberExpression: (node) => {
      if (isMember(node, "Math", "random")) report(node, "Math.random");
      if (isMember(node, "AbortSignal", "timeout")) report(node, "AbortSignal.timeout");
    },
    Identifier: (node) => {
      if (MACHINE_NAMES.has(node.name) && !isMemberName(node)) report(node, node.name);
    },
  }));
}

function isMember(node: Deno.lint.MemberExpression, object: string, property: string): boolean {
  return node.object.type === "Identifier" && node.object.name === object &&
    node.property.type === "Identifier" && node.property.name === property;
}

/** Whether an identifier only names a member of something, such as `fetch` in `broker.fetch()`. */
function isMemberName(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  if (parent.type === "MemberExpression") return parent.property === node && !parent.computed;
  return parent.type === "MethodDefinition" || parent.type === "TSPropertySignature" ||
    parent.type === "TSMethodSignature";
}

/** Where a source prints by itself. */
export function prints(source: string): string[] {
  return visit(source, (report) => ({
    MemberExpression: (node) => {
      if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
      const name = `${node.object.name}.${node.property.name}`;
      if (node.object.name === "console" || OUTPUTS.has(name)) report(node, name);
    },
  }));
}

/** The functions of a source that are longer than `limit` lines. */
export function longFunctions(source: string, limit = MAX_FUNCTION_LINES): string[] {
  return visit(source, (report) => {
    const check = (node: Deno.lint.Node) => {
      const lines = source.slice(...node.range).split("\n").length;
      if (lines > limit) report(node, `a function of ${lines} lines`);
    };
    return {
      FunctionDeclaration: check,
      FunctionExpression: check,
      ArrowFunctionExpression: check,
    };
  });
}

/** Whether a source has nothing but types and imports, and so nothing to test. */
export function isOnlyTypes(source: string): boolean {
  let only = true;
  visit(source, () => ({
    Program: (program) => {
      only = program.body.every((statement) =>
        statement.type === "ImportDeclaration" || statement.type === "TSInterfaceDeclaration" ||
        statement.type === "TSTypeAliasDeclaration" ||
        (statement.type === "ExportNamedDeclaration" &&
          (statement.exportKind === "type" || statement.source !== null))
      );
    },
  }));
  return only;
}

/** Notes to oneself that somebody left in a text. */
export function leftNotes(text: string): string[] {
  return text.match(/\b(?:TODO|FIXME|XXX)\b/g) ?? [];
}

/** Hosts of package registries in a text: they are the machine's business. */
export function registryHosts(text: string): string[] {
  return text.match(/\b(?:[\w-]+\.)*(?:registry|npm|jsr)\.[a-z][\w.-]*\.[a-z]+\b/gi) ?? [];
}

/** Whether a file's name is words of small letters and digits with underscores between them. */
export function isSnakeCase(file: string): boolean {
  return /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*\.ts$/.test(file);
}

/** Whether a source begins with the comment that says what the file is. */
export function hasModuleComment(source: string): boolean {
  return /^\/\*\*\n(?: \*.*\n)+? \* @module\n \*\/\n/.test(source);
}

/** The imports of `deno.json` that are not one exact version of an npm package. */
export function looseImports(imports: Readonly<Record<string, string>>): string[] {
  const pinned = /^npm:\/?(?:@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(?:-[\w.]+)?\/?$/;
  return Object.values(imports).filter((specifier) => !pinned.test(specifier));
}

/** The packages of `deno.json` that no row of the README's tables begins with. */
export function unlistedPackages(
  imports: Readonly<Record<string, string>>,
  readme: string,
): string[] {
  const rows = readme.split("\n").filter((line) => line.startsWith("|"));
  return Object.keys(imports).map((name) => name.replace(/\/$/, "")).filter((name) =>
    !rows.some((row) => row.split("|")[1]?.includes(name))
  );
}
