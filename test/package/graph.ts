import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

interface Imports {
  statics: string[];
  dynamics: string[];
}

/** What a compiled module imports, as the compiler's own parser sees it. */
function importsOf(file: string): Imports {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ESNext, true);
  const found: Imports = { statics: [], dynamics: [] };
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      found.statics.push((node.moduleSpecifier as ts.StringLiteral).text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [what] = node.arguments;
      found.dynamics.push(ts.isStringLiteral(what) ? what.text : what.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Every module that is loaded with the entry, the packages among them, and what they import dynamically. */
export function graph(root: string, entry: string) {
  const modules = new Set<string>();
  const packages = new Map<string, string>();
  const dynamics: [from: string, what: string][] = [];
  const walk = (file: string) => {
    if (modules.has(file)) return;
    modules.add(file);
    const found = importsOf(file);
    for (const what of found.dynamics) dynamics.push([relative(root, file), what]);
    for (const what of found.statics) {
      if (what.startsWith('.')) walk(join(dirname(file), what));
      else packages.set(what, relative(root, file));
    }
  };
  walk(join(root, entry));
  return { modules: [...modules].map((m) => relative(root, m)), packages, dynamics };
}
