/** Promise 3. Holdfast deletes no file. All it writes: a submission, the group's offsets, probe files, an uploaded jar. */
import { describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runId } from '../../domain/ids.js';
import { attempt } from '../support/attempt.js';
import { chk, depsOf, fillLog, incident, type World } from '../support/fake-ports.js';

const NEW = runId('b'.repeat(32));
const ports = readFileSync(join(import.meta.dirname, '..', '..', 'adapters', 'ports.ts'), 'utf8');

const damages: readonly [what: string, damage: (world: World) => void][] = [
  ['nothing', () => undefined],
  ['the newest metadata', (w) => void w.files.set(`${chk(8)}/_metadata`, new Uint8Array([1, 2, 3]))],
  ['every metadata', (w) => [6, 7, 8].forEach((id) => w.files.set(`${chk(id)}/_metadata`, new Uint8Array()))],
  [
    'every state file',
    (w) => [...w.files.keys()].filter((f) => !f.endsWith('_metadata')).forEach((f) => w.files.delete(f)),
  ],
];

describe('nothing is destroyed', () => {
  test.each(damages)(
    'with %s damaged, every file stays as it was and only known acts are done',
    async (_what, damage) => {
      const world = incident();
      await fillLog(world);
      damage(world);
      const before = new Map(world.files);
      await attempt(depsOf(world), { run: NEW });
      expect(world.files).toEqual(before);
      expect(world.acts.every((act) => act === `submit ${NEW}` || act === 'commit window-counts')).toBe(true);
    },
  );

  test('no port offers a way to delete anything, and ZooKeeper none to write', () => {
    expect(ports).not.toMatch(/\b(delete|remove|unlink|rm|truncate|purge|dispose)\w*\(/i);
    const zooKeeper = ports.slice(ports.indexOf('export interface HaStore'), ports.indexOf('// ── Flink'));
    expect(zooKeeper.match(/^ {2}\w+\(/gm)).toEqual(['  cluster(']);
  });
});
