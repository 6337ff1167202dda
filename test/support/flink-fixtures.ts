/**
 * Files written by real Flinks and what Flink's own reader says of them. They are other projects' data and too large
 * to copy, so they lie beside the checkout (`HOLDFAST_FIXTURES`). On CI their absence is a failure.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe } from 'vitest';
import { sourceSha256, readMetadata } from '../../formats/metadata.js';
import { FormatError } from '../../formats/format-error.js';
import { writeRefusal, writeSnapshot } from '../../formats/neutral.js';

export const fixtures = resolve(process.env['HOLDFAST_FIXTURES'] ?? '../shared/fixtures');
const there = existsSync(join(fixtures, 'flink-metadata'));
if (!there && process.env['CI'] !== undefined)
  throw new Error(`expected Flink's files in ${fixtures}: set HOLDFAST_FIXTURES`);

/** A group of tests that need the fixtures: skipped, with the reason in its title, where they are not. */
export const describeFixtures = (title: string, tests: () => void): void => {
  if (there) describe(title, tests);
  else describe.skip(`${title} (no fixtures in ${fixtures}: set HOLDFAST_FIXTURES)`, tests);
};

/** The pointer that the answers of `expected/fixtures` were made with. */
export const POINTER = 'hdfs://nn:8020/flink/checkpoints/job/chk-1';

export const json = (...path: string[]): never =>
  JSON.parse(readFileSync(join(fixtures, ...path), 'utf8')) as never;
export const bytes = (...path: string[]): Buffer => readFileSync(join(fixtures, ...path));

export const metadataFiles = (): readonly string[] =>
  there ? readdirSync(join(fixtures, 'flink-metadata')).filter((name) => name.endsWith('.metadata')) : [];

export interface Case {
  readonly name: string;
  /** Local folder that stands for `hdfs://nn:8020/`. */
  readonly root: string;
  /** Names of the snapshots: `chk-5`, `savepoint-…`. */
  readonly snapshots: readonly {
    readonly name: string;
    readonly pointer: string;
    readonly metadata: string;
  }[];
}

const AUTHORITY = 'hdfs://nn:8020';

export function generatedCases(): readonly Case[] {
  if (!there) return [];
  return readdirSync(join(fixtures, 'generated', 'cases')).map((name) => {
    const root = join(fixtures, 'generated', 'cases', name);
    const snapshots = below(root)
      .filter((file) => file.endsWith('/_metadata'))
      .map((metadata) => {
        const directory = metadata.slice(0, -'/_metadata'.length);
        return {
          name: directory.slice(directory.lastIndexOf('/') + 1),
          pointer: AUTHORITY + directory.slice(root.length),
          metadata,
        };
      });
    return { name, root, snapshots };
  });
}

export const localPath = (root: string, uri: string): string => root + uri.slice(AUTHORITY.length);

function below(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? below(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

/** What `inspect --json` prints, parsed. */
export function inspected(file: Uint8Array, pointer: string): Record<string, unknown> {
  const head = { pointer, bytes: file.length, sha256: sourceSha256(file) };
  let text = '';
  try {
    writeSnapshot(head, readMetadata(file, pointer, { hash: true }), (piece) => (text += piece));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    text = writeRefusal(head, error);
  }
  return JSON.parse(text) as Record<string, unknown>;
}
