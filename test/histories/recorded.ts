/** The recorded histories: one file a course, with every execution that took part in it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { root } from '../../stack/root.js';

const folder = join(root, 'test', 'histories', 'recorded');

export interface Execution {
  readonly course: string;
  readonly workflowId: string;
  readonly history: History;
}

interface Written {
  readonly workflowId: string;
  readonly history: unknown;
}

/** What tells of the machine that recorded, and nothing of the case: who it was, and where its code lies. */
function unnamed(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (key === 'identity') return 'recorded';
  if (key === 'stackTrace') return '';
  return value.replace(/\w+@[\w.-]+\/\d+/, 'recorded');
}

const fileOf = (course: string): string => join(folder, `${course}.json.gz`);

export function writeCourse(
  course: string,
  executions: readonly { readonly workflowId: string; readonly history: History }[],
): void {
  const written = executions.map(({ workflowId, history }): Written => ({
    workflowId,
    history: JSON.parse(historyToJSON(history), unnamed) as unknown,
  }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileOf(course), gzipSync(JSON.stringify(written), { level: 9 }));
}

/** Removes the files of courses that are no more. */
export function keepOnly(courses: readonly string[]): void {
  for (const name of recordedCourses()) if (!courses.includes(name)) rmSync(fileOf(name));
}

export const recordedCourses = (): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.json.gz'))
        .map((file) => file.slice(0, -'.json.gz'.length))
        .sort()
    : [];

export const readCourse = (course: string): readonly Execution[] =>
  (JSON.parse(gunzipSync(readFileSync(fileOf(course))).toString()) as readonly Written[]).map(
    ({ workflowId, history }) => ({ course, workflowId, history: historyFromJSON(history) }),
  );

/** The histories of each case of a course, the executions of one that continued as new oldest first. */
export function casesIn(course: string): readonly (readonly History[])[] {
  const begun = readCourse(course).flatMap(({ history }) => {
    const it = history.events?.[0]?.workflowExecutionStartedEventAttributes;
    if (it?.workflowType?.name !== 'recoverJob' || isLook(it.input?.payloads?.[0]?.data)) return [];
    return [{ history, run: it.originalExecutionRunId, after: it.continuedExecutionRunId }];
  });
  const chains: (typeof begun)[] = begun.filter((e) => !e.after).map((e) => [e]);
  for (const chain of chains)
    for (;;) {
      const next = begun.find((e) => e.after === chain.at(-1)?.run);
      if (next === undefined) break;
      chain.push(next);
    }
  return chains.map((chain) => chain.map((e) => e.history));
}

/** A look is no case: it decides nothing that is done. */
const isLook = (input: Uint8Array | null | undefined): boolean =>
  input instanceof Uint8Array && (JSON.parse(Buffer.from(input).toString()) as { mode?: string }).mode === 'look';

export const bytesRecorded = (): number =>
  recordedCourses().reduce((sum, course) => sum + readFileSync(fileOf(course)).length, 0);
