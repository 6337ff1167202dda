/**
 * What to do next: one pure, total function of what is known. The workflow carries out one step, adds what it found,
 * and asks again. No I/O, no clock, no Temporal; the tables of the design are its tests.
 */
import { explain, waysOut, type DeadEnd } from './dead-end.js';
import type { Dependency } from './dependency.js';
import { fault, failureClass, FAILURES, type Fault } from './failure.js';
import { hashText } from './hash128.js';
import type { RunId } from './ids.js';
import { launchInDoubt } from './launch-command.js';
import { decideStartCluster } from './decide-start-cluster.js';
import { decideStart, firstStart } from './decide-start.js';
import type { FromNothing, GivenUp } from './kafka-from.js';
import { buildLadder, type Ladder, type Pointers } from './ladder.js';
import { costOf } from './cost.js';
import { lastPass } from './last-pass.js';
import { expiredTransactions, type OffsetCheck } from './offsets.js';
import type { Policy } from './policy.js';
import { absent, type Reading } from './reading.js';
import type { EmptyJobResult, Repairable, RepairCheck } from './repair.js';
import { pointFromPath, type RestorePoint, type SnapshotFacts, type Verdict } from './restore-point.js';
import { branchLine } from './side-by-side.js';
import { isTerminal, type Assessment, type RunView, type Situation } from './situation.js';
import { checkStop, stopConsent, stopNeedsApproval, tellStop } from './stop.js';
import { calledAt, loopingOn, situationNow, stillStuck, type Stuck } from './stuck.js';

/** A submission whose fate is not known yet. */
export interface OpenSubmission {
  readonly run: RunId;
  readonly point: string;
  /** Records after the point that Kafka had lost by then, at most 100 partitions. */
  readonly gone?: OffsetCheck['gone'];
  /** What was accepted with it and is to be in the record, one sentence each. */
  readonly accepted?: readonly string[];
  /** Submitted from nothing: the offsets at which it starts, `topic/partition=offset`; `point` is {@link NOTHING}. */
  readonly start?: readonly string[];
  /** The id under which Flink shows it, where a launch command could not choose it; left out: `run`. */
  readonly shown?: RunId;
}

/** Everything known in this attempt so far. `null`: not looked at yet. */
export interface Evidence {
  readonly policy: Policy;
  /** Epoch milliseconds of the doubt that this case is about: a checkpoint from before proves nothing. */
  readonly since: number;
  readonly assessment: Assessment | null;
  readonly pointers: Pointers | null;
  /** Verdicts by path. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
  /** Offset checks by path. `absent`: the job has no Kafka source configured. */
  readonly offsets: Readonly<Record<string, Reading<OffsetCheck>>>;
  /** Whether the dead end at hand may be repaired. */
  readonly repair: RepairCheck | null;
  readonly openSubmission: OpenSubmission | null;
  /** The runs that this case submitted and Flink took: they may be confirmed, never mistaken for strangers. */
  readonly submitted: readonly RunId[];
  /** What a person chose instead of the ladder's top. */
  readonly chosen: RestorePoint | null;
  /** Plans that a person has approved: {@link Plan.digest}s. */
  readonly approved: readonly string[];
  /** What looked like a dead end before this pass, and since when; null or left out: nothing. */
  readonly stuck?: Stuck | null;
  /** The one pass after the last attempt, in which a savepoint may be taken and nothing else [false]. */
  readonly lastPass?: boolean;
  /** Paths of points that Flink has refused although they were sound [none]. */
  readonly refused?: readonly string[];
  /** A person has said that the job is to start from nothing. */
  readonly fromNothing?: FromNothing | null;
  /** The run that this case has started from nothing: it is no blank run by accident. */
  readonly startedBlank?: RunId | null;
}

/**
 * What a pass began with: everything that its decisions depend on and its own looks did not find. It is recorded with the
 * first look of the pass, so that whoever reads the history can decide again with the same function.
 */
export interface Began {
  /** Attempt k of N, counted from 1. A pass in which nothing failed counts no attempt: the next has the same k. */
  readonly attempt: number;
  /** N; null: unlimited. */
  readonly attempts: number | null;
  /** Why the case was aborted, while nobody has resumed it: it may look, and not act. */
  readonly stopped: Fault | null;
  /** The evidence before the first look. The policy is frozen with the case and left out. */
  readonly known: Omit<Evidence, 'policy'>;
}

export interface Plan {
  /** Which decision needs a person. */
  readonly about: string;
  readonly text: string;
  /** What approval does; null when there is nothing to approve. */
  readonly approves: string | null;
  readonly choices: readonly string[];
  /** Same plan, same digest: consent to one plan never counts for another. */
  readonly digest: string;
  readonly because: Fault;
  /** What to know before answering, one line each: what approval costs, or what is to be chosen from. */
  readonly facts: readonly string[];
  /** Choosing one of the choices also stops this run. */
  readonly stops?: RunId;
}

export type Next =
  | { readonly do: 'assess' }
  | { readonly do: 'fetchPointer' }
  | { readonly do: 'readState'; readonly point: RestorePoint }
  | { readonly do: 'checkOffsets'; readonly point: RestorePoint; readonly facts: SnapshotFacts }
  | {
      readonly do: 'restore';
      readonly point: RestorePoint;
      readonly facts: SnapshotFacts;
      readonly because: string;
    }
  /** A person's word, or the policy for a first start: submitted without state. */
  | {
      readonly do: 'start';
      readonly from: FromNothing;
      readonly gaveUp: readonly GivenUp[];
      readonly because: string;
    }
  /** A run of ours is on its way: prove it. */
  | { readonly do: 'confirm'; readonly run: RunId; readonly point: string; readonly because: string }
  /** Whether a dead end may be repaired. */
  | { readonly do: 'checkRepair'; readonly deadEnd: EmptyJobResult }
  /** Approved by a person. `modified`: the file that was approved, by its time; or since when no JobManager leads. */
  | { readonly do: 'repair'; readonly deadEnd: Repairable; readonly modified: number }
  /** Approved by a person, or a run of ours without a checkpoint of its own. */
  | { readonly do: 'stop'; readonly run: RunId; readonly approved: boolean; readonly because: string }
  /** Nothing to be tried before a dependency is back, or a time has come; no attempt is spent on it. */
  | {
      readonly do: 'await';
      readonly for: Dependency | null;
      /** Epoch milliseconds; null: only the dependency's return. */
      readonly until: number | null;
      readonly because: Fault;
    }
  /** Flink brings the job back by itself. */
  | {
      readonly do: 'watch';
      readonly run: RunId | null;
      readonly because: string;
      /** When it is time to look at everything again, at the latest (epoch milliseconds). */
      readonly lookAt?: number;
    }
  | { readonly do: 'leave'; readonly outcome: 'healthy' | 'ended by a person'; readonly because: string }
  /** The attempt fails; the same is tried again later. */
  | { readonly do: 'fail'; readonly fault: Fault }
  | { readonly do: 'ask'; readonly plan: Plan }
  | { readonly do: 'abort'; readonly fault: Fault };

/** The question about a run that started from nothing has this name. */
export const BLANK_RUN = 'blank run';

/** A question to a person. Its digest is made of what it is about and does, not of its words. */
export function planOf(
  about: string,
  because: Fault,
  text: string,
  approves: string | null,
  choices: readonly string[],
  facts: readonly string[] = [],
): Plan {
  const digest = hashText(
    JSON.stringify([about, approves, choices, because.code, because.where ?? '']),
  ).slice(0, 12);
  return { about, text, approves, choices, digest, because, facts };
}

const ask = (...plan: Parameters<typeof planOf>): { readonly do: 'ask'; readonly plan: Plan } => ({
  do: 'ask',
  plan: planOf(...plan),
});

/** The question for a failure that no waiting mends: refused access, a wrong configuration, a point that Flink refuses. */
export const planFor = (because: Fault): Plan =>
  planOf(
    because.code,
    because,
    `${because.message}. ${FAILURES[because.code].person}`,
    because.code === 'LaunchInDoubt'
      ? 'count it as never submitted, and submit anew with another run id'
      : null,
    [],
  );

/** What a failed step leads to: what waiting mends fails the attempt; what it does not mend is asked. */
export const decideFault = (because: Fault): Extract<Next, { do: 'fail' | 'ask' }> =>
  failureClass(because.code) === 'transient'
    ? { do: 'fail', fault: because }
    : { do: 'ask', plan: planFor(because) };

/** The submission that is still open after a look: settled when Flink shows its run as ended, or a person has looked. */
export function stillOpen(
  open: OpenSubmission | null,
  assessment: Assessment | null,
  approved: readonly string[],
): OpenSubmission | null {
  if (open === null || approved.includes(planFor(launchInDoubt(open.run, '')).digest)) return null;
  const shown = assessment?.runs.is === 'present' ? assessment.runs.value : [];
  const ended = shown.some((r) => r.run === (open.shown ?? open.run) && isTerminal(r.state));
  return ended ? null : open;
}

export function decide(e: Evidence): Next {
  if (e.assessment === null) return { do: 'assess' };
  const mine = confirmOwnRun(e, e.assessment);
  if (mine !== null) return mine;
  const situation = situationNow(e.assessment, e.since, e.stuck ?? null, e.verdicts);
  const nobodyElse = situation.is === 'abandoned' || situation.is === 'vanished';
  if (nobodyElse && e.fromNothing) return decideFromNothing(e, e.fromNothing);
  return situation.is === 'abandoned' ? decideRestore(e) : decideElse(e, situation);
}

/** Nobody but us brings the job back, and a person wants it without state. A word, so a job that vanished is meant too. */
function decideFromNothing(e: Evidence, from: FromNothing): Next {
  if (e.pointers === null) return { do: 'fetchPointer' };
  return decideStart(e, from, buildLadder(e.pointers, null), ask);
}

/** A run that this case submitted is alive: it is to be proved, never submitted again. */
function confirmOwnRun(e: Evidence, a: Assessment): Next | null {
  if (a.runs.is !== 'present') return null;
  const alive = a.runs.value.filter((r) => !isTerminal(r.state));
  const own = alive.find((r) => r.run === (e.openSubmission?.shown ?? e.openSubmission?.run));
  if (alive.length !== 1 || own === undefined || e.openSubmission === null) return null;
  const loop = endOwnLoop(e, own);
  if (loop !== null) return loop;
  return {
    do: 'confirm',
    run: own.run,
    point: e.openSubmission.point,
    because: `our run ${own.run} is ${own.state}`,
  };
}

/** A run of ours that restarts for ever from a point that we prove broken. That never got anywhere, it is no loss. */
function endOwnLoop(e: Evidence, own: RunView): Next | null {
  const point = loopingOn(own);
  if (point === null) return null;
  const verdict = e.verdicts[point];
  if (verdict === undefined) return { do: 'readState', point: pointFromPath(point) };
  if (verdict.is !== 'broken') return null;
  const because = `our run restarts for ever from ${point}, which is broken`;
  if (stopNeedsApproval(own.run, own.completed, e.submitted))
    return decideLoop(e, { is: 'RestoreLoop', run: own.run, point }, because);
  return { do: 'stop', run: own.run, approved: false, because };
}

/** Every situation in which nothing may be submitted. */
function decideElse(e: Evidence, s: Exclude<Situation, { is: 'abandoned' }>): Next {
  switch (s.is) {
    case 'healthy':
      return { do: 'leave', outcome: 'healthy', because: s.because };
    case 'ended':
      return { do: 'leave', outcome: 'ended by a person', because: s.because };
    case 'flink-recovering':
      return lookAtLoop(e, s.run) ?? watch(e, s.run.run, s.because);
    case 'held':
    case 'cleaning':
      return watch(e, s.run, s.because);
    case 'unknown':
      return failureClass(s.fault.code) === 'transient'
        ? { do: 'fail', fault: s.fault }
        : ask('unknown', s.fault, `${s.because}. Nothing is submitted until this is settled.`, null, []);
    case 'dead-end':
      return decideDeadEnd(e, s);
    case 'vanished':
      return decideVanished(e, s.because);
    case 'blank': {
      if (s.run.run === e.startedBlank && s.run.completed > 0)
        return { do: 'leave', outcome: 'healthy', because: 'it was started from nothing on purpose' };
      if (e.policy.onBlankRun === 'report') return { do: 'leave', outcome: 'healthy', because: s.because };
      return decideBlank(e, s.run, s.because);
    }
    case 'twins':
      return ask(
        'twins',
        fault('TwinRunning', s.because),
        `${s.because}. Decide which one is right, and cancel the other.`,
        null,
        [],
      );
  }
}

/** A run that started from nothing is stopped only in favour of a point that a person chose, and that is proved first. */
function decideBlank(e: Evidence, run: RunView, why: string): Next {
  const because = fault('TwinRunning', why, run.run);
  const check = checkStop({ ...run, retained: run.retained ?? absent });
  const told = `Run ${run.run}: ${why}. It undercounts.`;
  if (check.is === 'unknown') return { do: 'fail', fault: check.because };
  if (check.is === 'forbidden' || check.is === 'over' || e.policy.attempts === 0)
    return ask(BLANK_RUN, because, `${told} Holdfast does not stop it: ${check.because}.`, null, []);
  const does = tellStop(run.run, check);
  if (e.chosen === null) {
    if (e.pointers === null) return { do: 'fetchPointer' };
    const choices = buildLadder(e.pointers, null)
      .rungs.filter(({ point }) => point.run !== run.run)
      .slice(0, 5)
      .map(({ point }) => point.path);
    const question = ask(
      BLANK_RUN,
      because,
      `${told} Choosing a restore point proves it, then stops the run (${does}: ${check.because}) and restores that point; what the run has written stays in the sink. Nothing is stopped without a person.`,
      null,
      choices,
    );
    return { ...question, plan: { ...question.plan, stops: run.run } };
  }
  const { path } = e.chosen;
  const question = ask(
    BLANK_RUN,
    because,
    `${told} Restore ${path} instead?`,
    `${does}, then restore ${path}`,
    [],
  );
  const consents = [question.plan.digest, stopConsent(run.run, path)];
  if (!consents.some((consent) => e.approved.includes(consent))) return question;
  const next = decideRestore(e);
  if (next.do !== 'restore') return next;
  return { do: 'stop', run: run.run, approved: true, because: `${does}: ${path} is restored instead` };
}

/** Flink brings the job back by itself; or it only looks like that, which shows at a known time. */
function watch(e: Evidence, run: RunId, because: string): Next {
  const stuck = e.assessment === null ? null : stillStuck(e.stuck ?? null, e.assessment);
  return { do: 'watch', run, because, ...(stuck === null ? {} : { lookAt: calledAt(stuck) }) };
}

/** Whether what a run restarts from for ever is broken; null: it is in no loop, or that is known already. */
function lookAtLoop(e: Evidence, run: RunView): Next | null {
  const path = loopingOn(run);
  if (path === null || e.verdicts[path] !== undefined) return null;
  return { do: 'readState', point: pointFromPath(path) };
}

/** Named and explained; and when there is a repair, all its preconditions hold and the policy wants it, proposed. */
function decideDeadEnd(e: Evidence, s: Extract<Situation, { is: 'dead-end' }>): Next {
  const { deadEnd } = s;
  const explained = (more = '', where?: string) =>
    ask(
      'dead end',
      fault('FlinkUnavailable', s.because, where),
      `${deadEnd.is}: ${explain(deadEnd)}${more}`,
      null,
      [],
    );
  if (deadEnd.is === 'UnreadableHaEntry') {
    const point = pointFromPath(deadEnd.point);
    const verdict = e.verdicts[point.path];
    if (verdict === undefined) return { do: 'readState', point };
    const told = verdict.is === 'sound' ? 'sound' : `${verdict.is} (${verdict.reasons[0]?.message ?? ''})`;
    return explained(` ${waysOut(deadEnd, verdict.is === 'sound', told)}`, deadEnd.znode);
  }
  if (deadEnd.is === 'RestoreLoop') return decideLoop(e, deadEnd, s.because);
  if (deadEnd.is === 'NoJobManager') return decideStartCluster(e, deadEnd, s.because, ask);
  if (deadEnd.is !== 'EmptyJobResult') return explained('', deadEnd.run);
  if (e.policy.repairs === 'never' || e.policy.attempts === 0)
    return explained(' Policy: Holdfast only reports it.', deadEnd.path);
  const check = e.repair;
  if (check === null) return { do: 'checkRepair', deadEnd };
  switch (check.is) {
    case 'over':
      return { do: 'watch', run: deadEnd.run, because: `nothing to repair: ${check.because}` };
    case 'wait':
      if (failureClass(check.because.code) !== 'transient')
        return { do: 'ask', plan: planFor(check.because) };
      return { do: 'await', for: check.for, until: check.until, because: check.because };
    case 'forbidden':
      return explained(` Holdfast does not do it: ${check.because}.`, deadEnd.path);
    case 'ready': {
      const made = new Date(check.modified).toISOString();
      const question = ask(
        'dead end',
        fault('FlinkUnavailable', s.because, deadEnd.path),
        `${explain(deadEnd)} ${check.proofs.map((proof) => `${proof}.`).join(' ')} Flink then brings the job back from its newest checkpoint by itself; nothing is submitted and nothing deleted.`,
        `rename ${deadEnd.path} of ${made} aside`,
        [],
      );
      if (!e.approved.includes(question.plan.digest)) return question;
      return { do: 'repair', deadEnd, modified: check.modified };
    }
  }
}

/** The savepoint that stopped the newest run, if that is the newest of all that is known, and nothing is unknown. */
function stoppedBySavepoint(e: Evidence): string | null {
  if (e.pointers === null || e.chosen !== null) return null;
  const { rungs, unknown } = buildLadder(e.pointers, null);
  const top = rungs[0]?.point;
  const ofNewest = top !== undefined && top.run !== null && top.run === e.pointers.lineage[0]?.run;
  return unknown.length === 0 && ofNewest && top.terminating ? top.path : null;
}

/**
 * Nobody saw it end: a person says whether that was wanted. First everything is looked at that a restore would need, so
 * that the question can name the point and the cost. Approved, it is treated as abandoned.
 */
function decideVanished(e: Evidence, why: string): Next {
  const stopping = stoppedBySavepoint(e);
  if (stopping !== null)
    return {
      do: 'leave',
      outcome: 'ended by a person',
      because: `${why}; its newest snapshot is ${stopping}, a savepoint that stopped it`,
    };
  const next = decideRestore(e);
  const starts = next.do === 'restore' || next.do === 'start';
  const offers = starts || (next.do === 'ask' && next.plan.approves !== null);
  if (!offers) return next;
  const because = fault('Unclassified', why);
  const facts =
    next.do === 'ask' ? next.plan.facts : next.do === 'start' ? [] : costIn(e, next.point, next.facts);
  const does =
    next.do === 'start'
      ? `start it from nothing, Kafka from ${next.from.kafkaFrom}: ${next.because}`
      : 'restore it from its newest restore point';
  const question = ask('vanished', because, `${why}. Was it stopped on purpose?`, does, [], facts);
  return e.approved.includes(question.plan.digest) ? next : question;
}

/** The loop is ended when a person agrees; then nobody but us brings the job back, and the ladder goes on by policy. */
function decideLoop(e: Evidence, deadEnd: Extract<DeadEnd, { is: 'RestoreLoop' }>, why: string): Next {
  const runs = e.assessment?.runs.is === 'present' ? e.assessment.runs.value : [];
  const run = runs.find((r) => r.run === deadEnd.run);
  const because = fault('StateCorrupt', why, `${deadEnd.run} ${deadEnd.point}`);
  const explained = (more: string) =>
    ask('dead end', because, `RestoreLoop: ${explain(deadEnd)} ${more}`, null, []);
  if (e.policy.repairs === 'never' || e.policy.attempts === 0)
    return explained('Policy: Holdfast only reports it.');
  if (run === undefined) return explained('Flink does not show the run.');
  const check = checkStop({ ...run, retained: run.retained ?? absent });
  if (check.is === 'unknown') return { do: 'fail', fault: check.because };
  if (check.is !== 'cancel') return explained(`Holdfast does not stop it: ${check.because}.`);
  const does = tellStop(run.run, check);
  const question = ask(
    'dead end',
    because,
    `RestoreLoop: ${explain(deadEnd)} It may be stopped: ${check.because}. Then the ladder goes on, by policy fallback: ${e.policy.fallback}.`,
    does,
    [],
  );
  if (!e.approved.includes(question.plan.digest)) return question;
  return { do: 'stop', run: run.run, approved: true, because: does };
}

/** Nobody but us brings the job back: find the point, prove it, check Kafka, restore. */
function decideRestore(e: Evidence): Next {
  if (e.policy.attempts === 0) {
    return e.pointers === null ? { do: 'fetchPointer' } : observe(e, buildLadder(e.pointers, e.chosen));
  }
  if (e.pointers === null) return { do: 'fetchPointer' };
  return walk(e, buildLadder(e.pointers, e.chosen));
}

/** What a restore would be, if nobody but us could bring the job back now: looks and a decision, never an act. */
export const wouldRestore = (e: Evidence): Next =>
  e.pointers === null
    ? { do: 'fetchPointer' }
    : walk({ ...e, policy: { ...e.policy, attempts: null } }, buildLadder(e.pointers, e.chosen));

/** Policy `observe`: say what would be done, do nothing. */
function observe(e: Evidence, ladder: Ladder): Next {
  const next = walk({ ...e, policy: { ...e.policy, attempts: null } }, ladder);
  if (next.do === 'ask') return { do: 'ask', plan: { ...next.plan, approves: null } };
  if (next.do === 'start') {
    const message = `attempts is 0: would start from nothing, Kafka from ${next.from.kafkaFrom}`;
    return { do: 'abort', fault: fault('AttemptsExhausted', message) };
  }
  if (next.do !== 'restore') return next;
  return {
    do: 'abort',
    fault: fault('AttemptsExhausted', `attempts is 0: would restore ${next.point.path}`, next.point.path),
  };
}

/** Down the ladder: never past an unknown rung, past a broken one only by policy. */
function walk(e: Evidence, ladder: Ladder): Next {
  const [blind] = ladder.unknown;
  if (blind !== undefined) return { do: 'fail', fault: blind };
  if (ladder.branch !== null) return askBranch(e, ladder.branch);
  if (ladder.rungs.length === 0) return nothingFound(e);
  if (e.lastPass === true) return lastResort(e, ladder);
  const broken: { path: string; reason: Fault }[] = [];
  for (const { point } of ladder.rungs) {
    if (broken.length > 0 && !mayFallBackTo(e.policy, point)) continue;
    const verdict = e.verdicts[point.path];
    if (verdict === undefined) return { do: 'readState', point };
    switch (verdict.is) {
      case 'unknown':
        return {
          do: 'fail',
          fault: verdict.reasons[0] ?? fault('Unclassified', 'the state could not be read', point.path),
        };
      case 'broken':
        broken.push({
          path: point.path,
          reason: verdict.reasons[0] ?? fault('StateCorrupt', 'broken', point.path),
        });
        continue;
      case 'sound':
        return broken.length === 0 || (e.policy.fallback !== 'never' && e.policy.approval !== 'fallback')
          ? take(e, point, verdict.facts, broken)
          : offerOlder(e, point, verdict.facts, broken);
    }
  }
  const [first] = broken;
  return ask(
    'no sound point',
    first?.reason ?? fault('StateLost', 'no restore point is sound'),
    `None of ${ladder.rungs.length} restore points is sound and allowed: ${broken.map((b) => `${b.path} (${b.reason.message})`).join('; ')}`,
    null,
    ladder.rungs.map((r) => r.point.path),
  );
}

/** Never chosen for a person; both tops are read first, so that they can be compared. */
function askBranch(e: Evidence, { blank, tops, began }: NonNullable<Ladder['branch']>): Next {
  const facts: string[] = [];
  for (const point of tops) {
    const verdict = e.verdicts[point.path];
    if (verdict === undefined) return { do: 'readState', point };
    if (verdict.is === 'unknown')
      return { do: 'fail', fault: verdict.reasons[0] ?? fault('Unclassified', 'not readable', point.path) };
    facts.push(branchLine(point, point === tops[0] ? began : 'is older', verdict));
  }
  const [top, other] = tops;
  const because = fault(
    'StateForeign',
    `run ${blank} ${began} although older runs have restore points`,
    top.path,
  );
  const text = `Two branches exist: ${top.path} (run ${blank}, ${began}) and ${other.path}. Choose one.`;
  return ask('branch', because, text, null, [top.path, other.path], facts);
}

/** The one pass after the last attempt: a savepoint, or nothing. */
function lastResort(e: Evidence, ladder: Ladder): Next {
  const found = lastPass(ladder.rungs, e.verdicts, e.refused ?? []);
  switch (found.is) {
    case 'read':
      return { do: 'readState', point: found.point };
    case 'unknown':
      return { do: 'fail', fault: found.because };
    case 'nothing':
      return { do: 'abort', fault: fault('AttemptsExhausted', `no savepoint was taken: ${found.because}`) };
    case 'take': {
      const next = take(e, found.point, found.facts, found.passed);
      const because = `onExhausted: savepoint; of ${found.passed.length} newer points none can be had`;
      return next.do === 'restore' ? { ...next, because } : next;
    }
  }
}

/** With `never` all rungs are still read, so that the question can name a sound one. */
function mayFallBackTo(policy: Policy, point: RestorePoint): boolean {
  return policy.fallback !== 'savepoint' || point.kind === 'savepoint';
}

function offerOlder(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  broken: readonly { path: string; reason: Fault }[],
): Next {
  const reason = broken[0]?.reason ?? fault('StateCorrupt', 'broken');
  const question = ask(
    'fallback',
    reason,
    `The newest restore point is broken (${reason.message}). ${point.path} is sound: restoring it replays everything since, and what the sink already got comes again.`,
    `restore ${point.path}`,
    [point.path],
  );
  const taken = take(e, point, facts, broken);
  if (e.approved.includes(question.plan.digest) || taken.do === 'checkOffsets') return taken;
  return { do: 'ask', plan: { ...question.plan, facts: costIn(e, point, facts, broken.length) } };
}

/** What restoring a point costs, as far as it was looked at. */
export function costIn(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  passed = 0,
): readonly string[] {
  const check = e.offsets[point.path];
  const known = check?.is === 'present' ? check.value : null;
  return costOf({ point, facts, check: known, assessment: e.assessment, passed });
}

/** A sound point. Kafka, age and claim hazards have their say, then it is restored. */
function take(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  broken: readonly { path: string; reason: Fault }[],
): Next {
  const check = e.offsets[point.path];
  if (check === undefined) return { do: 'checkOffsets', point, facts };
  if (check.is === 'unknown') return { do: 'fail', fault: check.because };
  const why =
    broken.length === 0
      ? 'it is the newest restore point and every file of it is sound'
      : `${broken.length} newer points are broken`;
  const restore: Next = { do: 'restore', point, facts, because: why };
  const cost = costIn(e, point, facts, broken.length);
  for (const objection of objections(e, point, facts, check.is === 'present' ? check.value : null)) {
    if (objection.do === 'abort') return objection;
    if (!e.approved.includes(objection.plan.digest))
      return { do: 'ask', plan: { ...objection.plan, facts: cost } };
  }
  return restore;
}

type Objection = Extract<Next, { do: 'ask' | 'abort' }>;

/** Everything that a policy or a person has to accept before this point may be restored. */
function objections(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  check: OffsetCheck | null,
): readonly Objection[] {
  const found: Objection[] = [];
  const does = `restore ${point.path} all the same`;
  const assessed = e.assessment;
  if (
    e.policy.maxStateAge !== null &&
    point.time !== null &&
    assessed !== null &&
    assessed.at - point.time > e.policy.maxStateAge
  ) {
    const age = Math.round((assessed.at - point.time) / 1000);
    const because = fault(
      'StateTooOld',
      `the restore point is ${age} s old, allowed are ${e.policy.maxStateAge / 1000} s`,
      point.path,
    );
    found.push(ask('state age', because, because.message, does, []));
  }
  if (facts.claimHazards.length > 0) {
    const because = fault('StateIncompatible', facts.claimHazards.join('; '), point.path);
    found.push(
      ask(
        'claim',
        because,
        `This point cannot be restored without consequences: ${because.message}`,
        does,
        [],
      ),
    );
  }
  if (check !== null) found.push(...offsetObjections(e, point, check, does));
  if (e.policy.approval === 'always') {
    const because = fault('Rejected', 'policy approval: always', point.path);
    const replay = check === null ? '' : ` ${check.toReplay} records will be replayed.`;
    found.push(ask('approval', because, `Restore ${point.path}?${replay}`, `restore ${point.path}`, []));
  }
  return found;
}

function offsetObjections(
  e: Evidence,
  point: RestorePoint,
  check: OffsetCheck,
  does: string,
): readonly Objection[] {
  const found: Objection[] = [];
  if (check.replaced.length > 0) {
    const because = fault('LogReplaced', check.replaced.slice(0, 5).join('; '), point.path);
    found.push(
      ask(
        'log replaced',
        because,
        `Kafka does not hold the log that the state was made from: ${because.message}`,
        does,
        [],
      ),
    );
  }
  if (check.gone.length > 0) {
    const list = check.gone.slice(0, 10).map((g) => `${g.topic}/${g.partition}: ${g.records} records`);
    const because = fault(
      'OffsetsGone',
      `records after the restore point are gone: ${list.join(', ')}`,
      point.path,
    );
    if (e.policy.onOffsetGap === 'abort') found.push({ do: 'abort', fault: because });
    if (e.policy.onOffsetGap === 'ask')
      found.push(ask('offset gap', because, `${because.message}. They will not be counted.`, does, []));
  }
  const t = check.transactions;
  if (t !== null && t.outageMs > t.timeoutMs && e.policy.onTransactionExpired === 'ask') {
    const because = fault(
      'TransactionsExpired',
      `the outage lasts ${t.outageMs} ms, the sink's transactions expire after ${t.timeoutMs} ms`,
      point.path,
    );
    found.push(
      ask(
        'transactions',
        because,
        `${because.message}: ${expiredTransactions(check, point.time) ?? ''}.`,
        does,
        [],
      ),
    );
  }
  return found;
}

/** No rung at all, and every source was looked at. */
function nothingFound(e: Evidence): Next {
  const ledger = e.assessment?.ledger;
  const known = ledger?.is === 'present' ? ledger.value.points : [];
  if (known.length > 0) {
    const list = known.map((p) => p.path).join(', ');
    return { do: 'abort', fault: fault('StateLost', `restore points were known and all are gone: ${list}`) };
  }
  const because = fault('StateLost', 'no restore point was found in any source, and none is remembered');
  const first = firstStart(e);
  if (first !== null && e.policy.approval !== 'always' && e.pointers !== null)
    return decideStart(e, first, buildLadder(e.pointers, null), ask);
  return ask(
    'nothing to restore',
    because,
    `${because.message}. If it never had state: holdfast recover JOB --from-nothing --kafka-from POSITION --reason …`,
    null,
    [],
  );
}
