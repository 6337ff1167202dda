/** The promises of the design (section 3), checked against the truth of the simulated world after every step. */
import type { Submission } from '../../adapters/ports.js';
import { RECOVERY_ABORTED } from '../../domain/abort-ledger.js';
import type { SinkConfig } from '../../config/config.js';
import type { RunId } from '../../domain/ids.js';
import type { CaseEnd, CaseStatus, Restored } from '../../domain/case.js';
import { samePath } from '../../domain/ladder.js';
import type { Policy } from '../../domain/policy.js';
import type { Verdict } from '../../domain/restore-point.js';
import { SLOW_TASK, type StepRecord } from './driver.js';
import type { Said } from './schedule.js';
import {
  alive,
  isIntact,
  isOver,
  isSeen,
  logEnd,
  pointAt,
  pointsInTruth,
  type SimRun,
  type System,
  type World,
} from './world.js';

export interface Broken {
  readonly at: number;
  readonly promise: string;
  readonly what: string;
}

export interface Judge {
  readonly broken: readonly Broken[];
  readonly status: CaseStatus | null;
  say(promise: string, what: string): void;
  /** A person's message was sent. */
  said(what: Said): void;
  act(
    what: 'submit' | 'commit' | 'set aside' | 'cancel' | 'savepoint',
    submission: Submission | undefined,
    path: string | undefined,
  ): void;
  stepScheduled(step: string, ofTheCase: boolean): void;
  /** The case goes on from an earlier point of its history. */
  wasReset(): void;
  stepDone(record: StepRecord): void;
  seen(status: CaseStatus): void;
  ended(result: unknown): void;
  afterEvent(): void;
  /** At the end of the simulation, when everything is long up again. */
  finally(open: boolean): void;
}

/** What belongs to an attempt: not begun while the case is held or after an abort. */
const WORK = new Set([
  'assessRun',
  'fetchPointer',
  'readState',
  'checkOffsets',
  'resumeOffsets',
  'restoreJob',
  'setStart',
  'startJob',
]);
const CHANGES = new Set(['resumeOffsets', 'restoreJob', 'setStart', 'startJob']);
/** Phases in which an abort has nothing to stop. After a proof it has: the run may be lost again within the soak. */
const RESTING = new Set(['aborted', 'asking', 'closed']);
/** A task of the workflow is carried out within this time of its event (milliseconds). */
const TASK = SLOW_TASK + 30;

/** @param remembered the state in which the ledger last saw a run; null: it does not know it. */
export function createJudge(
  world: World,
  policy: Policy,
  sink: SinkConfig | null,
  remembered: (run: RunId) => string | null,
): Judge {
  const { timeline } = world;
  const broken: Broken[] = [];
  const sound = new Map<string, number>();
  const failures = new Set<number>();
  const lastSaid = new Map<Said, number>();
  let status: CaseStatus | null = null;
  let resumes = 0;
  let closedByPerson = false;
  let heldSince: number | null = null;
  let abortedSince: number | null = null;
  /** Aborted, and nobody has resumed it since: it may look, and not act. */
  let stoppedSince: number | null = null;
  let waiting: CaseStatus['waiting'] = null;
  /** When the last check of the offsets was begun. */
  let offsetsChecked = 0;
  /** The case is over but for its last notices, since then. */
  let overSince: number | null = null;
  /** When the last look was begun that would have seen a hold. */
  let assessedAt = 0;

  const say = (promise: string, what: string): void => {
    if (!broken.some((b) => b.promise === promise && b.what === what))
      broken.push({ at: timeline.now(), promise, what });
  };
  const saidSince = (time: number, ...what: readonly Said[]): boolean =>
    what.some((w) => (lastSaid.get(w) ?? -1) >= time);
  const byPerson = (): boolean => lastSaid.has('approve') || lastSaid.has('choose');

  const submit = (s: Submission): void => {
    const doing = timeline.doing();
    const began = doing?.started ?? timeline.now();
    const path = s.savepointPath;
    if (path === null && !lastSaid.has('startFromNothing'))
      return say('never blank', `run ${s.run} was submitted without a restore point, and nobody has said so`);
    if (path !== null && !sound.has(path)) say('never blank', `${path} was submitted and never found sound`);
    // Everything that a person has not been asked about is known to be broken.
    const whole = pointsInTruth(world).find((p) => isIntact(world, p.path));
    if (path === null && whole !== undefined && !lastSaid.has('approve'))
      say('never blank', `run ${s.run} was submitted from nothing although ${whole.path} is whole`);
    if (policy.attempts === 0) say('exactly N', 'a job was submitted although attempts is 0');
    // Another run.
    for (const run of world.runs) {
      if (run.run === s.run || run.started >= began) continue;
      if (!isOver(run))
        say('one run at a time', `run ${s.run} was submitted while ${run.run} is ${run.state}`);
      else if (run.ha !== null && run.ended !== null && run.ended < began)
        say(
          'one run at a time',
          `run ${s.run} was submitted while ZooKeeper still has HA data of ${run.run}`,
        );
    }
    for (const [other, sent] of world.flying)
      if (other !== s.run && sent < began)
        say('one run at a time', `run ${s.run} was submitted while the call of ${other} is on its way`);
    const newest = [...world.runs].sort((a, b) => b.started - a.started)[0];
    if (newest !== undefined && newest.endedByPerson !== null && newest.endedByPerson < began)
      if (isKnownToHaveEnded(newest, newest.endedByPerson))
        say('ended by a person', `run ${s.run} was submitted although a person has cancelled ${newest.run}`);
    // Of a call that was taken already, only whether it is the same matters: Flink refuses it twice.
    if (path !== null && !world.runs.some((r) => r.run === s.run)) newestSound(path);
    silence('a submission', doing?.scheduled ?? timeline.now(), true);
    if (path !== null) records(path, doing?.scheduled ?? timeline.now());
  };

  /** Whether anybody can tell that a person has ended this run. Where only an archive or the ledger can, a person may say so. */
  const isKnownToHaveEnded = (run: SimRun, ended: number): boolean => {
    if (run.known) return true;
    if (saidSince(ended, 'approve', 'choose', 'startFromNothing')) return false;
    const state = remembered(run.run);
    return world.archive.has(run.run) || state === 'CANCELED' || state === 'FINISHED';
  };

  /** What policy or a person has to accept of Kafka before a point is restored. */
  const records = (path: string, scheduled: number): void => {
    const point = pointAt(world, path);
    if (point === undefined || byPerson()) return;
    const seen = world.kafka.changed !== 0 && world.kafka.changed < offsetsChecked;
    if (seen && point.position > logEnd(world))
      say('explained', `${path} was submitted although its log was replaced`);
    if (seen && point.position < world.kafka.start && policy.onOffsetGap !== 'accept')
      say('explained', `${path} was submitted although records after it are gone`);
    if (sink !== null && policy.onTransactionExpired === 'ask')
      if (scheduled - point.triggered > sink.transactionTimeout + 60_000)
        say('explained', `${path} was submitted although the sink's transactions have expired`);
  };

  const commit = (scheduled: number): void => {
    silence('a commit', scheduled, true);
    const using = alive(world).find((r) => r.tasks === 'running' && r.started < scheduled);
    if (using !== undefined && isSeen(world, 'flink'))
      say('nothing is destroyed', `the group's offsets were moved while ${using.run} runs`);
  };

  const setAside = (path: string): void => {
    if (!lastSaid.has('approve'))
      say('nothing is destroyed', `${path} was set aside, and nobody has approved it`);
    if (!path.endsWith('_DIRTY.json') || world.files.get(path)?.length !== 0)
      say('nothing is destroyed', `${path} was set aside and is no empty job result`);
    if (world.up.flink) say('nothing is destroyed', `${path} was set aside while a JobManager leads`);
  };

  /** The newest point that is whole in truth, unless policy or a person chose an older one. */
  const newestSound = (path: string): void => {
    for (const point of pointsInTruth(world)) {
      if (samePath(point.path, path)) return;
      if (byPerson()) return;
      if (isIntact(world, point.path))
        return say(
          'unknown is not absent',
          `${path} was submitted although ${point.path} is newer and whole`,
        );
      if (policy.fallback === 'never')
        return say(
          'unknown is not absent',
          `${path} was submitted, older than ${point.path}, against fallback: never`,
        );
    }
  };

  /** Held or aborted: nothing may begin. */
  const silence = (what: string, scheduled: number, changes: boolean): void => {
    if (
      heldSince !== null &&
      heldSince + TASK < scheduled &&
      // A hold may have its own end.
      scheduled < (status?.hold?.until ?? Infinity) &&
      !saidSince(heldSince + 1, 'release', 'abort', 'cancel')
    )
      say('a hold is honoured', `${what} began although the case is held`);
    const { standing } = world;
    if (changes && standing !== null && timeline.now() < standing.until && standing.since < assessedAt)
      if (!saidSince(standing.since, 'release'))
        say('a hold is honoured', `${what} began although ${standing.by} holds the job`);
    if (changes && stoppedSince !== null && stoppedSince + TASK < scheduled)
      say('aborted changes nothing', `${what} began although the case is aborted and nobody has resumed it`);
    for (const word of ['abort', 'cancel', 'reject'] as const) {
      const at = pendingAbort.get(word);
      if (changes && at !== undefined && at + TASK < scheduled)
        say('aborted changes nothing', `${what} began although ${word} was heard before`);
    }
  };
  /** Aborts that were heard while the case was at work, and have not yet become a standing. */
  const pendingAbort = new Map<Said, number>();

  const count = (now: CaseStatus): void => {
    if (policy.attempts === null) return;
    for (const f of now.failures) failures.add(f.started);
    const granted = policy.attempts + resumes * Math.max(1, policy.attempts);
    if (failures.size > Math.max(granted, 0) && policy.attempts > 0)
      say('exactly N', `${failures.size} attempts have failed, granted are ${granted}`);
    if (now.phase === 'aborted' && now.because?.code === 'AttemptsExhausted' && policy.attempts > 0) {
      if (now.attempt !== now.attempts)
        say('exactly N', `gave up after ${now.attempt} of ${now.attempts} attempts`);
    }
  };

  /** A wait that ended before its time needs a proof, or a person. */
  const woke = (was: NonNullable<CaseStatus['waiting']>): void => {
    const now = timeline.now();
    if (now >= was.until - 50 || was.for === 'soak') return;
    if (
      saidSince(
        was.since - TASK,
        'retryNow',
        'abort',
        'cancel',
        'close',
        'hold',
        'release',
        'choose',
        'startFromNothing',
      )
    )
      return;
    if (now - was.since < policy.backoff.initial - 50)
      say('no early wake without proof', `the wait for ${was.for} ended after ${now - was.since} ms`);
    // The pass for a savepoint begins when the storage is usable, whether or not it was away.
    if (was.for === 'usable storage') return;
    const systems: readonly System[] = was.for === 'storage' ? ['hdfs'] : [was.for as System];
    for (const system of systems) {
      const last = world.turns[system]?.at(-1);
      if (!isSeen(world, system) && last !== undefined && last.at < now - 5_000)
        say('no early wake without proof', `the wait for ${was.for} ended while it is away`);
      else if (last === undefined)
        say('no early wake without proof', `the wait for ${was.for} ended early, and it never was away`);
    }
  };

  const resumed = (now: CaseStatus): void => {
    const { restored } = now;
    const run = world.runs.findLast((r) => r.run === restored?.run);
    if (restored === null || run === undefined) {
      if (restored !== null)
        say('RUNNING is not recovered', `${restored.run} is called resumed and does not exist`);
      return;
    }
    const from = run.restored;
    if (from === null && restored.fromNothing !== undefined && run.from === null) return;
    if (from === null)
      return say('RUNNING is not recovered', `${run.run} is called resumed and restored nothing`);
    if (!samePath(from.path, restored.point) && !from.path.includes(`/${run.run}/`))
      say('RUNNING is not recovered', `${run.run} restored ${from.path}, reported is ${restored.point}`);
    const skipped = run.read?.skipped ?? 0;
    if (skipped > 0 && now.phase === 'resumed')
      say('RUNNING is not recovered', `${run.run} is called resumed and has skipped ${skipped} offsets`);
    if (skipped === 0 && now.phase === 'resumed with a gap' && !mayHaveSkipped(restored, run, from.path))
      say('RUNNING is not recovered', `${run.run} is called resumed with a gap and has skipped nothing`);
    const newest = run.checkpoints.at(-1);
    if (newest === undefined || newest.id <= from.id)
      if (!run.checkpoints.some((c) => c.id > (pointAt(world, restored.point)?.id ?? 0)))
        say('RUNNING is not recovered', `${run.run} is called resumed without a newer checkpoint`);
  };

  /**
   * A run that has gone on from a state of its own counts anew, and records that it read have fallen out of the log since:
   * nobody can tell any more that it did read them. Then a gap may be said to be possible, and no more.
   */
  const mayHaveSkipped = (restored: Restored, run: SimRun, state: string): boolean =>
    (restored.skipped ?? []).every((range) => range.atLeast === '0') &&
    state.includes(`/${run.run}/`) &&
    (pointAt(world, restored.point)?.position ?? 0) < world.kafka.start;

  /** Who is asked whether a run was stopped on purpose would read it in the archive. */
  const askedNeedlessly = (): void => {
    const [newest] = [...world.runs].sort((a, b) => b.started - a.started);
    if (newest === undefined || !world.archive.has(newest.run) || !isSeen(world, 'hdfs')) return;
    if (newest.endedByPerson !== null && newest.endedByPerson < assessedAt - 1_000)
      say('explained', `it is asked whether ${newest.run} was stopped on purpose, and the archive tells`);
  };

  /** Another execution, or the same from an earlier point: nothing of what it was about to do counts any more. */
  const startOver = (): void => {
    pendingAbort.clear();
    waiting = null;
    overSince = null;
    heldSince = null;
    abortedSince = null;
    stoppedSince = null;
    status = null;
    failures.clear();
  };
  const forget = (): void => {
    startOver();
    resumes = 0;
    lastSaid.clear();
    sound.clear();
    offsetsChecked = 0;
  };

  return {
    broken,
    get status() {
      return status;
    },
    say,
    said: (what) => {
      lastSaid.set(what, timeline.now());
      // After the last attempt a person may be asked for more, or name another point for them.
      const grants = what === 'approve' || what === 'choose';
      const about = status?.question?.about;
      // So may a person have a run stopped that started from nothing, after an abort too.
      const instead = about === 'blank run' && stoppedSince !== null;
      const more = grants && (about === 'exhausted' || instead);
      // A word to start from nothing is a word to go on, too.
      if (more || what === 'startFromNothing' || what === 'resume') {
        resumes++;
        stoppedSince = null;
      }
      const working = status !== null && !RESTING.has(status.phase);
      if (what === 'abort' && working) pendingAbort.set(what, timeline.now());
      if (what === 'cancel' && working) pendingAbort.set(what, timeline.now());
    },
    act: (what, submission, path) => {
      const doing = timeline.doing();
      if (what === 'submit' && submission !== undefined) submit(submission);
      if (what === 'commit') commit(doing?.scheduled ?? timeline.now());
      if (what === 'set aside') setAside(path ?? '');
      if ((what === 'cancel' || what === 'savepoint') && !byPerson())
        say('nothing is destroyed', `a ${what} was asked of Flink, and nobody has approved it`);
    },
    stepScheduled: (step, ofTheCase) => {
      if (!ofTheCase && WORK.has(step))
        say('one recovery at a time', `${step} was begun beside the one case of the job`);
      if (!ofTheCase) return;
      if (step === 'checkOffsets') offsetsChecked = timeline.now();
      if (step === 'assessRun') assessedAt = timeline.now();
      if (WORK.has(step)) silence(step, timeline.now(), CHANGES.has(step));
    },
    stepDone: (record) => {
      if (record.step !== 'readState' || record.result === undefined) return;
      const { path } = (record.input as { readonly point: { readonly path: string } }).point;
      const verdict = record.result as Verdict;
      if (verdict.is === 'sound') sound.set(path, timeline.now());
      if (verdict.is === 'broken' && isIntact(world, path))
        say(
          'unknown is not absent',
          `${path} was called broken and is whole: ${verdict.reasons[0]?.message}`,
        );
    },
    seen: (now) => {
      if (status?.phase === 'closed' && now.phase !== 'closed') {
        // An alert came before it had ended: it goes on as the case would that the alert opens a moment later.
        resumes++;
        stoppedSince = null;
        abortedSince = null;
      }
      if (waiting !== null && now.phase !== 'waiting' && now.phase !== 'aborted') woke(waiting);
      waiting = now.phase === 'waiting' ? now.waiting : null;
      heldSince = now.hold === null ? null : (heldSince ?? timeline.now());
      if (now.phase === 'aborted') {
        abortedSince ??= timeline.now();
        stoppedSince ??= timeline.now();
        pendingAbort.clear();
      } else if (abortedSince !== null) {
        if (
          !saidSince(abortedSince, 'resume', 'close', 'startFromNothing') &&
          now.phase !== 'closed' &&
          // It looks again when it has seen the job healthy, which may be over before we look.
          !world.runs.some((r) => r.ended === null || r.ended > timeline.now() - 15_000)
        )
          say('aborted changes nothing', `the case went from aborted to ${now.phase} by itself`);
        abortedSince = null;
      }
      const over = now.phase === 'closed' || (now.phase.startsWith('resumed') && now.waiting === null);
      overSince = over ? (overSince ?? timeline.now()) : null;
      if (now.phase.startsWith('resumed') && status?.phase !== now.phase) resumed(now);
      if (now.question?.about === 'vanished' && status?.question?.about !== 'vanished') askedNeedlessly();
      const lost = now.because?.code === 'StateLost' && status?.because?.code !== 'StateLost';
      const whole = pointsInTruth(world).find((p) => isIntact(world, p.path));
      if (lost && whole !== undefined && !byPerson())
        say(
          'unknown is not absent',
          `StateLost is said although ${whole.path} is whole: ${now.because?.message}`,
        );
      count(now);
      status = now;
    },
    // What was read and said before the point that it goes on from is part of its history still.
    wasReset: startOver,
    ended: (result) => {
      const end = result as CaseEnd | { readonly failedAs: string } | undefined;
      const decided = overSince ?? timeline.now();
      const resumedSince = status?.phase.startsWith('resumed') === true ? status.since : decided;
      forget();
      if (end === undefined || end === null) return;
      // Whoever closes an aborted case fails it.
      if ('failedAs' in end) {
        closedByPerson = end.failedAs === RECOVERY_ABORTED;
        return;
      }
      closedByPerson = end.outcome === 'closed' || end.outcome === 'ended by a person';
      // A run that fails in the soak is alerted of; one that a person cancels then is nobody's any more.
      const lately = world.runs.some(
        (r) => r.ended === null || r.ended > decided - 60_000 || (r.endedByPerson ?? 0) > resumedSince,
      );
      if (
        (end.outcome.startsWith('resumed') || end.outcome === 'healthy') &&
        !lately &&
        policy.onBlankRun !== 'report'
      )
        say('RUNNING is not recovered', `the case ended as ${end.outcome} and no run is alive`);
      if (end.outcome === 'ended by a person' && world.runs.every((r) => r.endedByPerson === null))
        say('explained', `the case ended as ended by a person: ${end.because}`);
    },
    afterEvent: () => {
      const ours = alive(world).filter((r) => r.by === 'holdfast');
      if (ours.length > 1)
        say('one run at a time', `two runs of Holdfast are alive: ${ours.map((r) => r.run).join(' and ')}`);
    },
    finally: (open) => {
      if (closedByPerson) return;
      if (!open || status === null) {
        const [newest] = [...world.runs].sort((a, b) => b.started - a.started);
        const failed = newest?.state === 'FAILED' && alive(world).length === 0;
        if (newest !== undefined && failed && policy.attempts !== 0)
          if (newest.ended !== null && newest.ended < timeline.now() - 120_000)
            say('crash-proof', `run ${newest.run} is FAILED and no case is open`);
        return;
      }
      const settled = ['resumed', 'resumed with a gap', 'asking', 'aborted', 'held', 'closed'];
      if (!settled.includes(status.phase))
        say('crash-proof', `everything is long up again and the case is still ${status.phase}`);
    },
  };
}
