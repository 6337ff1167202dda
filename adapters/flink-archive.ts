/**
 * What Flink wrote of a run that has ended (`jobmanager.archive.fs.dir`, one file a job id): the only witness of a
 * CANCELED or FINISHED when the JobManager that saw it is gone. An archive is written after the run has ended and only
 * if the storage takes it: that it is absent says nothing.
 */
import { fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import { present, type Reading, unknown } from '../domain/reading.js';
import {
  archivedAnswersIn,
  checkpointsIn,
  exceptionsIn,
  jobDetailIn,
  UnusableAnswer,
} from './flink-answers.js';
import type { Call, FlinkCheckpoints, FlinkException, FlinkJobDetail, Storage } from './ports.js';

export interface ArchivedRun {
  readonly job: FlinkJobDetail;
  /** Null when the archive holds none: checkpointing was off. */
  readonly checkpoints: FlinkCheckpoints | null;
  /** Oldest first. */
  readonly exceptions: readonly FlinkException[];
}

/** Bytes; an archive grows with the number of tasks and was 110 KB for six of them. */
const LARGEST = 64 * 1024 * 1024;

/** @param directory URI of the archive directory */
export async function archivedRun(
  storage: Pick<Storage, 'stat' | 'read'>,
  directory: string,
  run: RunId,
  call: Call,
): Promise<Reading<ArchivedRun>> {
  const uri = `${directory.replace(/\/+$/, '')}/${run}`;
  const status = await storage.stat(uri, call);
  if (status.is !== 'present') return status;
  const { length } = status.value;
  if (length > LARGEST)
    return unknown(
      fault('Unclassified', `expected an archive of at most ${LARGEST} bytes, found ${length}`, uri),
    );
  const bytes = await storage.read(uri, { offset: 0, length }, call);
  if (bytes.is !== 'present') return bytes;
  try {
    return present(archiveIn(Buffer.from(bytes.value).toString('utf8'), run));
  } catch (error) {
    if (!(error instanceof UnusableAnswer || error instanceof SyntaxError)) throw error;
    // Flink may still be at it, or was stopped half-way.
    return unknown(fault('Unclassified', `the archive cannot be used: ${error.message.slice(0, 200)}`, uri));
  }
}

function archiveIn(text: string, run: RunId): ArchivedRun {
  const answers = archivedAnswersIn(JSON.parse(text));
  const answer = (suffix: string): unknown => {
    const json = answers.get(`/jobs/${run}${suffix}`);
    return json === undefined ? undefined : JSON.parse(json);
  };
  const job = answer('');
  if (job === undefined) throw new UnusableAnswer('archive', `the answer of /jobs/${run}`);
  const checkpoints = answer('/checkpoints');
  const exceptions = answer('/exceptions');
  return {
    job: jobDetailIn(job),
    checkpoints: checkpoints === undefined ? null : checkpointsIn(checkpoints),
    exceptions: exceptions === undefined ? [] : exceptionsIn(exceptions),
  };
}
