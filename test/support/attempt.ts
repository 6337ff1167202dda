/** One attempt without Temporal: what the workflow's loop does, with the real decision and the real steps. */
import { assessRun } from '../../activities/assess-run.js';
import { checkOffsets } from '../../activities/check-offsets.js';
import type { Deps } from '../../activities/deps.js';
import { fetchPointer } from '../../activities/fetch-pointer.js';
import { readState } from '../../activities/read-state.js';
import { restoreJob } from '../../activities/restore-job.js';
import { resumeOffsets } from '../../activities/resume-offsets.js';
import { setStart, startJob } from '../../activities/start-job.js';
import { decide } from '../../domain/decide.js';
import { unseen, type Evidence } from '../../domain/evidence.js';
import type { OpenSubmission } from '../../domain/submission.js';
import type { Next } from '../../domain/next.js';
import { faultOf, type Fault } from '../../domain/failure.js';
import type { RunId } from '../../domain/ids.js';
import type { FromNothing, GivenUp } from '../../domain/kafka-from.js';
import type { Policy } from '../../domain/policy.js';
import type { Stillness } from '../../domain/witness.js';

export type AttemptEnd =
  | Exclude<Next, { do: 'assess' | 'fetchPointer' | 'readState' | 'checkOffsets' | 'restore' | 'start' }>
  | { readonly do: 'restored'; readonly point: string }
  | { readonly do: 'started'; readonly start: readonly string[]; readonly gaveUp: readonly GivenUp[] };

export interface AttemptOptions {
  readonly policy?: Policy;
  /** The run id of a submission. */
  readonly run: RunId;
  readonly open?: OpenSubmission | null;
  /** A person's word. */
  readonly fromNothing?: FromNothing;
  readonly approved?: readonly string[];
  /** What the passes before this one have carried: how long what the old run leaves behind has stood still. */
  readonly still?: Stillness | null;
}

const JOB = 'window-counts';

export async function attempt(deps: Deps, options: AttemptOptions): Promise<AttemptEnd> {
  const { signal } = new AbortController();
  const policy = options.policy ?? deps.config.jobs[JOB as never]?.policy;
  if (policy === undefined) throw new Error('the configuration has no such job');
  const openSubmission = options.open ?? null;
  const submitted = openSubmission === null ? [] : [openSubmission.run];
  let e: Evidence = {
    ...unseen(policy),
    openSubmission,
    submitted,
    approved: options.approved ?? [],
    fromNothing: options.fromNothing ?? null,
    still: options.still ?? null,
  };
  try {
    for (;;) {
      const next = decide(e);
      switch (next.do) {
        case 'assess':
          e = { ...e, assessment: await assessRun(deps, { job: JOB, submitted }, signal) };
          break;
        case 'fetchPointer':
          e = { ...e, pointers: await fetchPointer(deps, { job: JOB, submitted }, signal) };
          break;
        case 'readState': {
          const verdict = await readState(deps, { job: JOB, point: next.point }, signal, () => undefined);
          e = { ...e, verdicts: { ...e.verdicts, [next.point.path]: verdict } };
          break;
        }
        case 'checkOffsets': {
          const check = await checkOffsets(deps, { job: JOB, point: next.point }, signal);
          e = { ...e, offsets: { ...e.offsets, [next.point.path]: check } };
          break;
        }
        case 'restore': {
          const { point, facts } = next;
          await resumeOffsets(deps, { job: JOB, point: point.path }, signal);
          const input = {
            job: JOB,
            run: options.run,
            point,
            sha256: facts.sha256,
            submitted,
            consented: false,
            repeated: false,
            still: options.still ?? null,
          };
          await restoreJob(deps, input, signal);
          return { do: 'restored', point: point.path };
        }
        case 'start': {
          const { from, gaveUp } = next;
          const paths = gaveUp.map((g) => g.path);
          const set = await setStart(deps, { job: JOB, kafkaFrom: from.kafkaFrom, gaveUp: paths }, signal);
          const input = { job: JOB, run: options.run, from, start: set.start, submitted, repeated: false };
          await startJob(deps, input, signal);
          return { do: 'started', start: set.start, gaveUp };
        }
        default:
          return next;
      }
    }
  } catch (error) {
    return { do: 'fail', fault: faultOf(error) satisfies Fault };
  }
}
