/**
 * What to do next: one pure, total function of what is known. The workflow carries out one step, adds what it found,
 * and asks again. No I/O, no clock, no Temporal; the tables of the design are its tests.
 */
import { decideDeadEnd, decideLoop } from './decide-dead-end.js';
import { costIn, decideRestore } from './decide-restore.js';
import { decideStart } from './decide-start.js';
import type { Evidence } from './evidence.js';
import { failureClass, fault, type Fault } from './failure.js';
import type { RunId } from './ids.js';
import { NOTHING, type FromNothing } from './kafka-from.js';
import { buildLadder } from './ladder.js';
import { awaitLateCall } from './late-call.js';
import { launchInDoubt } from './launch-command.js';
import { ask, BLANK_RUN, type Next, planFor } from './next.js';
import { absent } from './reading.js';
import { pointFromPath } from './restore-point.js';
import { type Assessment, isTerminal, type RunView, type Situation } from './situation.js';
import { checkStop, stopConsent, stopNeedsApproval, tellStop } from './stop.js';
import { calledAt, loopingOn, situationNow, stillStuck } from './stuck.js';
import { takenFrom, type OpenSubmission } from './submission.js';
import { provedDead, unaccounted } from './witness.js';

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
  const late = e.openSubmission === null ? awaitLateCall(e.lateCall ?? null, e.assessment.at) : null;
  if (nobodyElse && late !== null) return late;
  if (nobodyElse && e.fromNothing) return decideFromNothing(e, e.fromNothing);
  return situation.is === 'abandoned'
    ? (notDead(e, e.assessment) ?? decideAbandoned(e, e.assessment, situation.because))
    : decideElse(e, situation);
}

/**
 * Nobody but us brings it back; unless its end, which nobody saw, was a person's after all. A run that a savepoint was to
 * stop and that was seen to fail all the same: the person who stopped it says which of the two counts.
 */
function decideAbandoned(e: Evidence, a: Assessment, why: string): Next {
  const stopping = stoppedBySavepoint(e);
  if (stopping === null) return decideRestore(e);
  if (unaccounted(a) !== null) return leaveStopped(why, stopping);
  return askWhetherStopped(e, 'stopped', `${why}, after the savepoint ${stopping} that was to stop it`);
}

const leaveStopped = (why: string, savepoint: string): Next => ({
  do: 'leave',
  outcome: 'ended by a person',
  because: `${why}; its newest snapshot is ${savepoint}, a savepoint that stopped it`,
});

/**
 * What keeps the fence from holding yet (design, 4.3): asked before anything is read, because it may take a minute; the
 * fence itself asks again immediately before the call. Null: nothing. Where nothing is submitted it does not matter.
 */
function notDead(e: Evidence, a: Assessment): Next | null {
  if (e.policy.attempts === 0) return null;
  const proof = provedDead(e.still ?? null, a);
  switch (proof?.is) {
    case undefined:
    case 'dead':
      return null;
    case 'not yet':
      return { do: 'await', for: null, until: proof.until, because: proof.because };
    case 'not dead':
      return decideFault(proof.because);
  }
}

/** Nobody but us brings the job back, and a person wants it without state. A word, so a job that vanished is meant too. */
function decideFromNothing(e: Evidence, from: FromNothing): Next {
  if (e.pointers === null) return { do: 'fetchPointer' };
  const next = decideStart(e, from, buildLadder(e.pointers, null));
  return next.do === 'start' && e.assessment !== null ? (notDead(e, e.assessment) ?? next) : next;
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
    point: takenFrom(e.openSubmission, startOf(own)).point,
    because: `our run ${own.run} is ${own.state}`,
  };
}

const startOf = ({ restoredFrom }: RunView): string =>
  restoredFrom.is === 'point' ? restoredFrom.path : NOTHING;

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
      if (s.run.run === e.startedBlank) return leaveOwnStart(e, s.run);
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

/** Proved once. After a failover Flink counts its checkpoints from zero. */
function leaveOwnStart(e: Evidence, run: RunView): Next {
  const because = 'it was started from nothing on purpose';
  return run.completed > 0
    ? { do: 'leave', outcome: 'healthy', because }
    : watch(e, run.run, `${because}; no checkpoint has completed yet`);
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
  return stopping === null ? askWhetherStopped(e, 'vanished', why) : leaveStopped(why, stopping);
}

function askWhetherStopped(e: Evidence, about: string, why: string): Next {
  const next = decideRestore(e);
  const starts = next.do === 'restore' || next.do === 'start';
  const offers = starts || (next.do === 'ask' && next.plan.approves !== null);
  if (!offers) return next;
  const because = fault('ApprovalNeeded', why);
  const facts =
    next.do === 'ask' ? next.plan.facts : next.do === 'start' ? [] : costIn(e, next.point, next.facts);
  const does =
    next.do === 'start'
      ? `start it from nothing, Kafka from ${next.from.kafkaFrom}: ${next.because}`
      : 'restore it from its newest restore point';
  const { assessment: a } = e;
  const proof = a === null ? null : provedDead(e.still ?? null, a);
  const alive = proof === null || proof.is === 'dead' ? [] : [`First: ${proof.because.message}`];
  const text = `${why}. Was it stopped on purpose?`;
  const question = ask(about, because, text, does, [], [...alive, ...facts]);
  if (!e.approved.includes(question.plan.digest)) return question;
  return starts && a !== null ? (notDead(e, a) ?? next) : next;
}
