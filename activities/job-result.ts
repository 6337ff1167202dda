import type { Call } from '../adapters/ports.js';
import { fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import { present, unknown, type Reading } from '../domain/reading.js';
import { FormatError } from '../formats/format-error.js';
import { readJobResult, type JobResult } from '../formats/job-result.js';
import type { Deps } from './deps.js';
import { quickLook } from './quick-look.js';

/** Bytes; a failure cause with its whole stack was some ten thousand. */
const LARGEST = 4 * 1024 * 1024;

/**
 * How a run ended, by its entry in Flink's job result store. `unknown` with `StateCorrupt`: its content is none.
 * @param path of the entry
 */
export async function jobResult(
  deps: Deps,
  path: string,
  run: RunId,
  call: Call,
): Promise<Reading<JobResult['state']>> {
  const owner = deps.ports.storageOf(path);
  if ('code' in owner) return unknown(owner);
  const corrupt = (found: string) =>
    unknown(fault('StateCorrupt', `expected the job result of run ${run}, found ${found}`, path));
  const look = quickLook(call);
  const status = await owner.storage.stat(path, look);
  if (status.is !== 'present') return status;
  const { length } = status.value;
  if (length > LARGEST) return corrupt(`${length} bytes`);
  const read = await owner.storage.read(path, { offset: 0, length }, look);
  if (read.is !== 'present') return read;
  try {
    const result = readJobResult(read.value);
    return result.run === run ? present(result.state) : corrupt(`that of ${result.run}`);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return corrupt(`something else: ${error.message}`);
  }
}
