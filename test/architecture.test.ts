/** The import table and the other rules of the house, checked on the real files. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
// One table for the linter and for this test.
import { rooms, soleImporters } from '../eslint.config.js';

const root = join(import.meta.dirname, '..');

function sources(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(join(root, path)).isDirectory()) return sources(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

interface Import {
  readonly file: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)].map(
    (m) => ({
      file,
      from: m[2] ?? '',
      typeOnly: m[1] !== undefined,
    }),
  );
  const lazy = [...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)].map((m) => ({
    file,
    from: m[1] ?? '',
    typeOnly: false,
  }));
  return [...found, ...lazy];
}

const names = Object.keys(rooms);
const all = names.flatMap((room) => sources(room).map((file) => ({ room, file })));
const code = (file: string) =>
  readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

describe('who may import whom', () => {
  test('every room has code', () => {
    for (const room of names) expect(sources(room), room).not.toHaveLength(0);
  });

  test.each(names)('%s', (room) => {
    const rule = rooms[room];
    if (rule === undefined) throw new Error(`no rule for ${room}`);
    const wrong = sources(room)
      .flatMap(importsOf)
      .filter(({ file, from, typeOnly }) => {
        if (from.startsWith('node:')) return !rule.node;
        if (!from.startsWith('.')) return !rule.packages.some((p) => from === p || from.startsWith(`${p}/`));
        const target = relative(root, join(root, file, '..', from)).replace(/\.m?js$/, '');
        const [other] = target.split('/');
        if (other === room || other === 'types') return false;
        const allowed = [...rule.rooms, ...(typeOnly ? rule.types : [])];
        return !allowed.some((a) => target === a || target.startsWith(`${a}/`));
      });
    expect(wrong.map((w) => `${w.file} imports ${w.from}`)).toEqual([]);
  });

  test('each data client has one importer', () => {
    for (const [client, importers] of Object.entries(soleImporters)) {
      const found = all.filter(({ file }) =>
        importsOf(file).some((i) => i.from === client || i.from.startsWith(`${client}/`)),
      );
      for (const { file } of found) expect(importers, `${file} imports ${client}`).toContain(file);
    }
  });
});

describe('one place for each thing', () => {
  const product = all.filter(({ room }) => !['stack', 'demo', 'bench'].includes(room));

  test('only config/load.ts reads the environment', () => {
    const wrong = product.filter(
      ({ file }) =>
        file !== 'config/load.ts' && !file.endsWith('/main.ts') && /process\.env\b/.test(code(file)),
    );
    expect(wrong.map((w) => w.file)).toEqual([]);
  });

  test('only */main.ts ends the process', () => {
    const wrong = all.filter(({ file }) => !file.endsWith('/main.ts') && /process\.exit\b/.test(code(file)));
    expect(wrong.map((w) => w.file)).toEqual([]);
  });

  test('only adapters open sockets in the product', () => {
    const wrong = product.filter(
      ({ room, file }) =>
        room !== 'adapters' &&
        room !== 'intake' &&
        /\bfetch\(|node:net|node:tls|node:https?'/.test(code(file)),
    );
    expect(wrong.map((w) => w.file)).toEqual([]);
  });

  test('only workflows/steps.ts holds timeouts of steps', () => {
    const wrong = sources('workflows').filter(
      (f) =>
        f !== 'workflows/steps.ts' &&
        /startToCloseTimeout|scheduleToCloseTimeout|heartbeatTimeout/.test(code(f)),
    );
    expect(wrong).toEqual([]);
  });

  test('no file is called utils, helpers, manager or service', () => {
    const wrong = all.filter(({ file }) => /(^|[/-])(utils?|helpers?|managers?|services?)\.ts$/.test(file));
    expect(wrong.map((w) => w.file)).toEqual([]);
  });
});
