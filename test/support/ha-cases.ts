import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HaCluster } from '../../adapters/ports.js';
import { runId } from '../../domain/ids.js';
import { present } from '../../domain/reading.js';

/** The HA data of one real Flink cluster, and what Flink reads from it. */
export interface HaCase {
  readonly name: string;
  readonly root: string;
  readonly clusterId: string;
  readonly znodes: readonly (readonly [string, Buffer])[];
  readonly expected: HaCluster;
}

interface HaFile {
  readonly root: string;
  readonly clusterId: string;
  readonly znodes: Readonly<Record<string, string>>;
  readonly counter: number;
  readonly pointers: readonly { readonly znode: string; readonly path: string; readonly size: number }[];
}

const folder = join(import.meta.dirname, '../fixtures/ha');

function readCase(file: string): HaCase {
  const of = JSON.parse(readFileSync(join(folder, file), 'utf8')) as HaFile;
  const run = /[0-9a-f]{32}/.exec(of.pointers[0]?.znode ?? '')?.[0] ?? '';
  const checkpoints = of.pointers
    .map(({ znode, path, size }) => ({
      id: String(Number(znode.slice(znode.lastIndexOf('/') + 1))),
      znode,
      markedForDeletion: false,
      handle: present({ path, size }),
    }))
    .reverse();
  return {
    name: file.replace('.json', ''),
    root: of.root,
    clusterId: of.clusterId,
    znodes: Object.entries(of.znodes).map(([znode, data]) => [znode, Buffer.from(data, 'base64')] as const),
    expected: { jobs: [{ run: runId(run), graph: false, checkpoints, counter: of.counter }], leader: null },
  };
}

export const haCases: readonly HaCase[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map(readCase);
