/** `mode: look`: the ladder with verdicts and offsets, nothing touched. Shares the steps of a recovery, and no state. */
import { setCurrentDetails, setHandler } from '@temporalio/workflow';
import { wouldRestore } from '../domain/decide-restore.js';
import { unseen, type Evidence } from '../domain/evidence.js';
import {
  conclude,
  isSound,
  mayBeSuperseded,
  withPointers,
  type LookReport,
  type Would,
} from '../domain/look.js';
import { rungViews } from '../domain/rung-views.js';
import { situationSince } from '../domain/situation.js';
import { timeLeftOf } from '../domain/time-left.js';
import { lookPage } from './look-page.js';
import * as messages from './messages.js';
import * as steps from './steps.js';
import { faultFrom } from './story.js';

/** A healthy job goes on making checkpoints while it is looked at: so often the pointers are fetched anew. */
const ROUNDS = 5;

export async function look(input: messages.RecoverInput): Promise<LookReport> {
  let doing = 'beginning';
  setHandler(messages.progress, () => doing, { description: 'What the look is doing now.' });
  const begin = (what: string): string => {
    doing = what;
    setCurrentDetails(`# Look at ${input.job}\n\nNothing is changed. Now: ${what}`);
    return what;
  };
  let e: Evidence | null = null;
  let would: Would;
  let cluster = input.cluster ?? '';
  try {
    const opened = await steps.openCase({ job: input.job }, begin('read the policy'));
    cluster = opened.cluster;
    const seen: Evidence = { ...unseen(opened.policy), assessment: await assess(input.job, begin) };
    const found = await climb(input.job, seen, begin, (known) => (e = known));
    would = found;
  } catch (error) {
    would = { is: 'unknown', fault: faultFrom(error, doing) };
  }
  const report = reportOf(input.job, cluster, e, would);
  setCurrentDetails(lookPage(report));
  return report;
}

const assess = (job: string, begin: (what: string) => string) =>
  steps.assessRun({ job, submitted: [] }, begin('how does the job stand?'));

/** The steps of an attempt up to the restore, as if nobody but us could bring the job back. */
async function climb(
  job: string,
  seen: Evidence,
  begin: (what: string) => string,
  learnt: (e: Evidence) => void,
): Promise<Would> {
  let e = seen;
  let rounds = 0;
  for (;;) {
    learnt(e);
    const next = wouldRestore(e);
    switch (next.do) {
      case 'fetchPointer':
        e = withPointers(e, await steps.fetchPointer({ job, submitted: [] }, begin('where is its state?')));
        break;
      case 'readState': {
        const { path } = next.point;
        const verdict = await steps.readState({ job, point: next.point }, begin(`is ${path} sound?`));
        e = { ...e, verdicts: { ...e.verdicts, [path]: verdict } };
        if (verdict.is === 'broken' && mayBeSuperseded(e) && ++rounds < ROUNDS)
          e = withPointers(e, await steps.fetchPointer({ job, submitted: [] }, begin('was it superseded?')));
        break;
      }
      case 'checkOffsets': {
        const { path } = next.point;
        const check = await steps.checkOffsets(
          { job, point: next.point },
          begin('does Kafka still hold what follows?'),
        );
        e = { ...e, offsets: { ...e.offsets, [path]: check } };
        break;
      }
      default:
        return conclude(next, e);
    }
  }
}

function reportOf(job: string, cluster: string, e: Evidence | null, would: Would): LookReport {
  const ladder = e === null ? [] : rungViews(e);
  const situation = e?.assessment ? situationSince(e.assessment, 0) : null;
  const checks = e === null ? [] : Object.values(e.offsets);
  const check = checks.find((c) => c.is === 'present');
  return {
    job,
    cluster,
    at: Date.now(),
    situation: situation === null ? null : { is: situation.is, because: situation.because },
    ladder,
    would,
    sound: isSound(would, ladder),
    offsets: check?.is === 'present' ? check.value : null,
    timeLeft: e === null ? [] : timeLeftOf(e),
  };
}
