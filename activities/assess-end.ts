import type { Call } from '../adapters/ports.js';
import type { RunId } from '../domain/ids.js';
import { absent, mapReading, present } from '../domain/reading.js';
import { endedUnseen, type Assessment } from '../domain/situation.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';
import { jobResults } from './ha-places.js';
import { jobResult } from './job-result.js';
import { quickLook } from './quick-look.js';

/**
 * Adds what Flink has written of the end of the newest run, when it holds that run no more and nobody saw it end: whether
 * it failed or a person ended it. The job result is there while Flink cleans up, and later where
 * `job-result-store.delete-on-commit` is false; the archive where one is configured. What cannot be read is unknown; what
 * is not there says nothing.
 */
export async function assessEnd(
  deps: Deps,
  it: ConfiguredJob,
  a: Assessment,
  call: Call,
): Promise<Assessment> {
  const run = endedUnseen(a);
  if (run === null) return a;
  const recorded = await resultOf(deps, it, a, run, call);
  if (recorded.is === 'unknown') return { ...a, archived: recorded };
  if (recorded.is === 'present' && recorded.value !== null)
    return { ...a, archived: present({ run, state: recorded.value, by: 'job result' }) };
  const directory = it.cluster.archive;
  if (directory === null) return a;
  const archived = await deps.ports.archivedEnd(directory, run, quickLook(call));
  return { ...a, archived: mapReading(archived, ({ state }) => ({ run, state })) };
}

async function resultOf(
  deps: Deps,
  it: ConfiguredJob,
  a: Assessment,
  run: RunId,
  call: Call,
): Promise<ReturnType<typeof jobResult>> {
  const { ha } = it.cluster;
  if (ha === null) return absent;
  const dirty = a.dirty.is === 'present' ? a.dirty.value.find((d) => d.run === run) : undefined;
  // One without content is judged where the job is still held; here nothing waits for it.
  if (dirty?.length === 0) return absent;
  return jobResult(deps, dirty?.path ?? `${jobResults(ha)}/${run}.json`, run, call);
}
