import type { Call } from '../adapters/ports.js';
import { mapReading } from '../domain/reading.js';
import { endedUnseen, type Assessment } from '../domain/situation.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';
import { quickLook } from './quick-look.js';

/**
 * Adds what Flink's archive tells of the newest run, when Flink holds that run no more and nobody saw it end: whether it
 * failed or a person ended it. An archive that cannot be read is unknown; one that is not there says nothing.
 */
export async function assessEnd(
  deps: Deps,
  it: ConfiguredJob,
  a: Assessment,
  call: Call,
): Promise<Assessment> {
  const directory = it.cluster.archive;
  const run = directory === null ? null : endedUnseen(a);
  if (directory === null || run === null) return a;
  const archived = await deps.ports.archivedEnd(directory, run, quickLook(call));
  return { ...a, archived: mapReading(archived, ({ state }) => ({ run, state })) };
}
