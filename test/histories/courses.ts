/**
 * Every course that a case can take and every question it can ask, played on a real Temporal server over the steps of
 * the incident in memory. `npm run record-histories` records them all; `replay.test.ts` replays what was recorded, and
 * fails when a course is missing.
 */
import { randomUUID } from 'node:crypto';
import { cancelled } from '@temporalio/activity';
import { LASTS } from '../../domain/dead-end.js';
import { failure, fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { present } from '../../domain/reading.js';
import type { RepairCheck } from '../../domain/repair.js';
import { pointFromPath } from '../../domain/restore-point.js';
import { recoverJob } from '../../workflows/index.js';
import { CASE, JOB, said, type Stage, type Steps } from '../support/cases.js';
import {
  assessment,
  ledger,
  leaderless,
  mayRepair,
  point,
  repaired,
  run,
  RUN_A,
  RUN_B,
  runsAgain,
  stoodStill,
  stuck,
} from '../support/evidence.js';
import { chk, WRITER } from '../support/fake-ports.js';
import { gate } from '../support/gate.js';
import { startRun } from '../support/instant-outside.js';
import {
  approve,
  asked,
  bent,
  broken,
  checked,
  closed,
  course,
  courses,
  endless,
  failsOnce,
  recover,
  reject,
  slow,
  storageAway,
  unheardOf,
  type Course,
} from './course.js';
import './courses-with-people.js';

// ── Without a question ──────────────────────────────────────────────────────────────────────────────────────────

course('restore', async (on) => {
  await on.outside();
  await recover(on);
  await on.end();
});

course('restore-what-a-person-chose', async (on) => {
  await on.outside();
  await recover(on, chk(7));
  await on.end();
});

course('one-failed-attempt-and-an-early-wake', async (on) => {
  await on.outside({}, ({ world, steps }) => {
    world.storageDown = storageAway;
    return { awaitReturn: async (input) => ((world.storageDown = null), steps.awaitReturn(input)) };
  });
  await recover(on);
  await on.end();
});

course('failed-attempts-in-every-step', async (on) => {
  const failing = ['assessRun', 'fetchPointer', 'readState', 'checkOffsets', 'restoreJob'] as const;
  const lost = (name: string) => failure('HaStoreUnavailable', `connection loss in ${name}`, 'zk:2181');
  await on.outside({ attempts: 9 }, (it) =>
    failing.reduce<Steps>((steps, name) => ({ ...steps, ...failsOnce(it, name, lost(name)) }), {}),
  );
  await recover(on);
  await on.end();
});

course('n-failed-attempts-resume-and-close', async (on) => {
  const { world } = await on.outside({ attempts: 2 });
  world.storageDown = storageAway;
  await recover(on);
  await on.until('aborted');
  await on.client.resume(JOB, said);
  await on.until((s) => s.phase === 'aborted' && s.failures.length === 4);
  await recover(on);
  await on.until((s) => s.alertsHeard > 1);
  await closed(on);
});

course('resumed-after-the-abort', async (on) => {
  const { world } = await on.outside({ attempts: 1 });
  world.storageDown = storageAway;
  await recover(on);
  await on.until('aborted');
  world.storageDown = null;
  await on.client.resume(JOB, said);
  await on.end();
});

course('aborted-and-found-healthy', async (on) => {
  const { world } = await on.outside({ attempts: 1 });
  world.storageDown = storageAway;
  await recover(on);
  await on.until('aborted');
  world.storageDown = null;
  startRun(world, RUN_B, chk(8), Date.now() + 600_000);
  // The watch believes only a checkpoint that it has seen come.
  const mine = world.runs.at(-1);
  let id = 9;
  const timer = setInterval(() => {
    if (mine === undefined) return;
    const latest = mine.checkpoints.latestCompleted;
    if (latest === null) return;
    const newest = { ...latest, id: String(++id), triggered: Date.now() + 600_000 };
    world.runs = [
      ...world.runs.filter((r) => r.run !== RUN_B),
      { ...mine, checkpoints: { ...mine.checkpoints, latestCompleted: newest } },
    ];
  }, 5);
  await on.end().finally(() => clearInterval(timer));
});

course('attempts-0', async (on) => {
  await on.outside({ attempts: 0 });
  await recover(on);
  await on.until('aborted');
  await closed(on);
});

course('attempts-unlimited', async (on) => {
  const { world } = await on.outside({ attempts: null });
  world.storageDown = storageAway;
  await recover(on);
  await on.until((s) => s.failures.length >= 4);
  world.storageDown = null;
  await on.end();
});

course('deadline', async (on) => {
  const { world } = await on.outside({ attempts: null, deadline: 1 });
  world.storageDown = storageAway;
  await recover(on);
  await on.until('aborted');
});

course('healthy', async (on) => {
  await on.outside({}, () => ({
    assessRun: async () =>
      assessment({
        runs: present([
          run({ state: 'RUNNING', running: 4, newest: { id: '13', triggered: Date.now() + 60_000 } }),
        ]),
      }),
  }));
  await recover(on);
  await on.end();
});

course('ended-by-a-person', async (on) => {
  await on.outside({}, () => ({ assessRun: async () => assessment({ runs: present([run({ state: 'CANCELED' })]) }) }));
  await recover(on);
  await on.end();
});

course('flink-brings-it-back', async (on) => {
  let looks = 0;
  await on.outside({}, () => ({
    assessRun: async () =>
      assessment({
        runs: present([
          ++looks < 3
            ? run({ state: 'RESTARTING' })
            : run({ state: 'RUNNING', running: 4, newest: { id: '13', triggered: Date.now() + 60_000 } }),
        ]),
      }),
    watchRun: async () => `Flink shows the run as FAILED, look ${looks}`,
  }));
  await recover(on);
  await on.end();
});

course('state-lost', async (on) => {
  await on.outside({}, () => ({
    assessRun: async () => assessment(),
    fetchPointer: async () => ({ lineage: [], sources: [] }),
  }));
  await recover(on);
  await on.until('aborted');
  await closed(on);
});

course('offset-gap-aborts-by-policy', async (on) => {
  await on.outside({ onOffsetGap: 'abort' }, (it) =>
    checked(it, { gone: [{ topic: 't', partition: 0, records: '7' }] }),
  );
  await recover(on);
  await on.until('aborted');
});

// ── Submissions ─────────────────────────────────────────────────────────────────────────────────────────────────

course('submission-in-doubt-is-proved', async (on) => {
  await on.outside({}, ({ world, steps }) => ({
    restoreJob: async (input) => {
      await steps.restoreJob(input);
      throw failure('SubmitInDoubt', 'no answer within 300 s', input.run);
    },
    awaitReturn: async () => ({ is: 'returned', at: world.now }),
  }));
  await recover(on);
  await on.end();
});

course('restored-run-dies', async (on) => {
  let tries = 0;
  await on.outside({}, ({ world, steps }) => ({
    confirmRestored: async (input) => {
      if (++tries > 1) return steps.confirmRestored(input);
      world.runs = world.runs.map((r) => (r.run === input.run ? { ...r, state: 'FAILED' } : r));
      return { is: 'dead', fault: fault('RestoreTimedOut', `run ${input.run} ended as FAILED`, input.run) };
    },
  }));
  await recover(on);
  await on.end();
});

course('resumed-with-a-gap', async (on) => {
  const gap = { topic: 't', partition: 0, from: '10', to: '17', atLeast: '7', atMost: '7' };
  await on.outside({}, ({ steps }) => ({
    confirmRestored: async (input) => {
      const proof = await steps.confirmRestored(input);
      return proof.is === 'proved' ? { ...proof, skipped: [gap] } : proof;
    },
  }));
  await recover(on);
  await on.end();
});

course('unproven-and-then-proved', async (on) => {
  let tries = 0;
  await on.outside({}, ({ steps }) => ({
    confirmRestored: async (input) =>
      ++tries > 1 ? steps.confirmRestored(input) : { is: 'unproven', missing: 'no newer checkpoint' },
  }));
  await recover(on);
  await on.end();
});

course('run-id-used-already', async (on) => {
  let tries = 0;
  await on.outside({}, ({ steps }) => ({
    restoreJob: async (input) =>
      ++tries > 1 ? steps.restoreJob(input) : { is: 'ended', at: Date.now(), state: 'FAILED' },
  }));
  await recover(on);
  await on.end();
});

course('aborted-during-the-submission', async (on) => {
  const submission = gate();
  await on.outside({}, ({ steps }) => ({
    restoreJob: async (input) => {
      await submission.pass();
      return steps.restoreJob(input);
    },
  }));
  await recover(on);
  await on.when('it submits', submission.reached);
  await on.client.abort(JOB, said);
  submission.open();
  // Proved is proved; nothing is left to stop, and the case looks whether it stays well.
  await on.until((s) => (s.restored?.provedAt ?? null) !== null && s.phase !== 'confirming');
});

course('aborted-during-a-submission-that-fails', async (on) => {
  const submission = gate();
  await on.outside({}, () => ({
    restoreJob: async (input) => {
      await submission.pass();
      throw failure('SubmitInDoubt', 'no answer within 300 s', input.run);
    },
    ...endless,
  }));
  await recover(on);
  await on.when('it submits', submission.reached);
  await on.client.abort(JOB, said);
  submission.open();
  await on.until('aborted');
  await closed(on);
});

// ── What people do without being asked ──────────────────────────────────────────────────────────────────────────

course('held-and-released', async (on) => {
  const reading = gate();
  await on.outside({}, ({ steps }) => ({
    readState: async (input) => {
      await reading.pass();
      return steps.readState(input);
    },
  }));
  await recover(on);
  await on.when('it reads', reading.reached);
  await on.client.hold(JOB, said);
  reading.open();
  await on.until('held');
  await on.client.release(JOB, said);
  await on.end();
});

course('retried-now', async (on) => {
  const { world } = await on.outside(slow, () => endless);
  world.storageDown = storageAway;
  await recover(on);
  await on.until('waiting');
  world.storageDown = null;
  await on.client.retryNow(JOB, said);
  await on.end();
});

course('retried-now-without-a-dependency', async (on) => {
  await on.outside(slow, (it) => failsOnce(it, 'fetchPointer', unheardOf));
  await recover(on);
  await on.until('waiting');
  await on.client.retryNow(JOB, said);
  await on.end();
});

course('workflow-cancelled', async (on) => {
  const { world } = await on.outside(slow, () => endless);
  world.storageDown = storageAway;
  await recover(on);
  await on.until('waiting');
  await on.raw.workflow.getHandle(CASE).cancel();
  await on.until('aborted');
  await closed(on);
});

course('soaking-a-new-alert-comes', async (on) => {
  const { world } = await on.outside({ soak: 600_000 });
  await recover(on);
  await on.until('resumed');
  // The clock outside hurries ahead of the server's: its newest checkpoint would be younger than the alert.
  const old = <C extends { triggered: number }>(c: C): C => ({ ...c, triggered: 1 });
  world.runs = world.runs.map(({ checkpoints: c, ...r }) => ({
    ...r,
    checkpoints: {
      ...c,
      latestCompleted: c.latestCompleted === null ? null : old(c.latestCompleted),
      history: c.history.map(old),
    },
  }));
  await on.client.resolveAlert(JOB, { fingerprint: 'x', source: 'alertmanager', at: 1 } as never);
  await recover(on);
  await on.until((s) => s.alertsHeard > 1 && s.phase === 'watching');
});

course('soaking-it-fails-again', async (on) => {
  const { world } = await on.outside({ soak: 600_000 });
  await recover(on);
  const first = await on.until('resumed');
  world.runs = world.runs.map((r) => ({ ...r, state: 'FAILED' }));
  await recover(on);
  await on.until((s) => s.phase === 'resumed' && s.restored?.run !== first.restored?.run);
  await closed(on);
});

course('handed-over', async (on) => {
  await on.outside({}, () => ({ handOver: async (alert) => void (await on.client.raiseAlert(alert)) }));
  const options = { workflowId: 'by-hand', taskQueue: 'holdfast', args: [{ job: JOB }] } as const;
  await (await on.raw.workflow.start(recoverJob, options)).result();
  await on.end();
  return ['by-hand'];
});

course(
  'continued-as-new',
  async (on) => {
    const { world } = await on.outside({ attempts: null });
    world.storageDown = storageAway;
    await recover(on);
    await on.until((s) => s.failures.length >= 6);
    world.storageDown = null;
    await on.end();
  },
  true,
);

// ── Questions ───────────────────────────────────────────────────────────────────────────────────────────────────

course('asks-vanished', async (on) => {
  const { traces } = stoodStill();
  await on.outside({}, (it) => bent(it, () => ({ runs: present([]), ledger: present(ledger()), traces })));
  await recover(on);
  await approve(on, 'vanished');
  await on.end();
});

course('asks-stopped', async (on) => {
  await on.outside({}, ({ steps }) => ({
    fetchPointer: async (input) => {
      const found = await steps.fetchPointer(input);
      const where = 'hdfs://nn:8020/flink/savepoints';
      const stopping = { ...pointFromPath(chk(8)), terminating: true };
      return {
        ...found,
        sources: [...found.sources, { source: 'savepoint', where, points: present([stopping]) }],
      };
    },
  }));
  await recover(on);
  await approve(on, 'stopped');
  await on.end();
});

course('waits-until-the-old-run-is-proved-dead', async (on) => {
  const { runs, ...known } = ledger();
  const restarting = { ...known, runs: runs.map((r) => ({ ...r, state: 'RESTARTING' })) };
  let looks = 0;
  await on.outside({}, (it) =>
    bent(it, ({ at }) => {
      const { traces } = stoodStill();
      // A checkpoint comes between the first look and the second; then everything stands still.
      const directory = present(looks++ === 0 ? 'chk-12' : 'chk-13');
      const seen = { ...traces, directory, apart: 30, quietAt: at - 1 };
      return { runs: present([]), ledger: present(restarting), traces: seen };
    }),
  );
  await recover(on);
  await on.end();
});

course('asks-blank-run-until-nobody-answers', async (on) => {
  await on.outside({ approvalExpires: 3_000 }, () => ({
    assessRun: async () =>
      assessment({ runs: present([run({ run: RUN_B, state: 'RUNNING', running: 4 })]) }),
  }));
  await recover(on);
  const first = await asked(on, 'blank run');
  await on.until((s) => s.question !== null && s.question.askedAt > first.askedAt);
  await closed(on);
});

course('asks-twins', async (on) => {
  const two = [RUN_A, RUN_B].map((id) => run({ run: id, state: 'RUNNING', running: 4 }));
  await on.outside({}, () => ({ assessRun: async () => assessment({ runs: present(two) }) }));
  await recover(on);
  await reject(on, 'twins');
  await on.until('aborted');
  await closed(on);
});

course('asks-unknown', async (on) => {
  let looks = 0;
  await on.outside({}, (it) =>
    bent(it, (real) => ({ settings: ++looks > 1 ? real.settings : present({ differs: 'another root' }) })),
  );
  await recover(on);
  await asked(on, 'unknown');
  await on.client.retryNow(JOB, said);
  await on.end();
});

course('asks-branch', async (on) => {
  await on.outside({}, ({ steps }) => ({
    fetchPointer: async (input) => {
      const found = await steps.fetchPointer(input);
      const where = 'hdfs://nn:8020/flink/checkpoints';
      return {
        lineage: [{ run: RUN_B, started: 9_000, restoredFrom: { is: 'nothing' } }, ...found.lineage],
        sources: [
          ...found.sources,
          { source: 'directory', where, points: present([point(RUN_B, 3)]) },
        ],
      };
    },
  }));
  await recover(on);
  const { id } = await asked(on, 'branch');
  await on.client.chooseRestorePoint(JOB, { ...said, question: id, path: chk(8) });
  await on.end();
});

course('asks-fallback', async (on) => {
  await on.outside({}, (it) => broken(it, chk(8)));
  await recover(on);
  await approve(on, 'fallback');
  await on.end();
});

course('falls-back-by-policy', async (on) => {
  await on.outside({ fallback: 'checkpoint' }, (it) => broken(it, chk(8)));
  await recover(on);
  await on.end();
});

course('asks-no-sound-point', async (on) => {
  await on.outside({}, (it) => broken(it, chk(8), chk(7), chk(6)));
  await recover(on);
  await asked(on, 'no sound point');
  await on.client.abort(JOB, said);
  await on.until('aborted');
  await closed(on);
});

course('asks-nothing-to-restore', async (on) => {
  await on.outside({}, () => ({
    assessRun: async () => assessment({ ledger: present(ledger({ points: [] })) }),
    fetchPointer: async () => ({ lineage: [], sources: [] }),
  }));
  await recover(on);
  await asked(on, 'nothing to restore');
  await closed(on);
});

course('asks-state-age', async (on) => {
  await on.outside({ maxStateAge: 1 });
  await recover(on);
  await approve(on, 'state age');
  await on.end();
});

course('asks-claim', async (on) => {
  await on.outside({}, ({ steps }) => ({
    readState: async (input) => {
      const verdict = await steps.readState(input);
      return verdict.is === 'sound'
        ? { is: 'sound', facts: { ...verdict.facts, claimHazards: ['changelog handles'] } }
        : verdict;
    },
  }));
  await recover(on);
  await approve(on, 'claim');
  await on.end();
});

course('asks-approval', async (on) => {
  await on.outside({ approval: 'always' });
  await recover(on);
  await approve(on, 'approval');
  await on.end();
});

course('asks-log-replaced', async (on) => {
  await on.outside({}, (it) => checked(it, { replaced: ['t/0: the log ends before the position'] }));
  await recover(on);
  await reject(on, 'log replaced');
  await on.until('aborted');
});

course('asks-offset-gap', async (on) => {
  await on.outside({}, (it) => checked(it, { gone: [{ topic: 't', partition: 0, records: '7' }] }));
  await recover(on);
  await approve(on, 'offset gap');
  await on.end();
});

course('asks-transactions', async (on) => {
  await on.outside({}, (it) => checked(it, { transactions: { outageMs: 900_001, timeoutMs: 900_000 } }));
  await recover(on);
  await approve(on, 'transactions');
  await on.end();
});

course('asks-what-no-waiting-mends', async (on) => {
  const refused = failure('StateIncompatible', 'there is no operator for the state', chk(8));
  await on.outside({}, (it) => failsOnce(it, 'restoreJob', refused));
  await recover(on);
  await asked(on, 'StateIncompatible');
  await on.client.retryNow(JOB, said);
  await on.end();
});

// ── Dead ends ───────────────────────────────────────────────────────────────────────────────────────────────────

course('asks-dead-end-and-repairs', async (on) => {
  const checks: RepairCheck[] = [
    { is: 'wait', for: 'storage', until: null, because: fault('StorageNotWritable', 'no DataNode') },
    { is: 'wait', for: null, until: 1, because: fault('FlinkRestarting', 'the job result is young') },
    mayRepair,
    mayRepair,
  ];
  let now = stuck;
  let looks = 0;
  await on.outside({}, () => ({
    assessRun: async () => now,
    examineDeadEnd: async () => checks[Math.min(looks++, checks.length - 1)] as RepairCheck,
    requestRepair: async (request) => on.client.repairDeadEnd('counts', request, randomUUID()),
    repairDeadEnd: async ({ deadEnd, modified }) => {
      now = runsAgain();
      return repaired(deadEnd, modified);
    },
  }));
  await recover(on);
  await approve(on, 'dead end');
  await on.end();
  return ['repair/counts'];
});

course('asks-dead-end-mended-by-hand', async (on) => {
  let now = stuck;
  await on.outside({ repairs: 'never' }, () => ({
    assessRun: async () => now,
    watchRun: async () => {
      now = runsAgain();
      return 'it runs and completes checkpoints';
    },
  }));
  await recover(on);
  await on.end();
});

course('asks-to-start-the-job-manager', async (on) => {
  let now = leaderless(1_000);
  let watches = 0;
  await on.outside({}, () => ({
    assessRun: async () => now,
    watchRun: async () => {
      // The second one goes on beside the question: what it saw would withdraw it.
      if (watches++ > 0) return cancelled();
      now = leaderless(1_000 + LASTS.NoJobManager);
      return 'nothing has changed';
    },
    requestRepair: async (request) => on.client.repairDeadEnd('counts', request, randomUUID()),
    startCluster: async ({ deadEnd }) => {
      now = runsAgain();
      const start = { run: deadEnd.run, at: 2_000, leader: 'http://jm:8081', proofs: ['nobody leads'] };
      return { is: 'started', start };
    },
  }));
  await recover(on);
  await approve(on, 'dead end');
  await on.end();
  return ['repair/counts'];
});

// ── The watch ───────────────────────────────────────────────────────────────────────────────────────────────────

const seen = { [JOB]: ledger({ runs: [{ ...ledger().runs[0]!, run: WRITER }] }) } as never;
const watchedFailing = {
  fingerprint: 'w1',
  source: 'watch',
  cluster: 'counts',
  job: JOB,
  run: runId(WRITER),
  summary: 'the run is FAILED',
  startedAt: 1_000,
  labels: {},
  link: null,
} as const;

/** Looks that each return at once, and then one that does not. */
const watching = (on: Stage, looks: number) => {
  let look = 0;
  let quiet = false;
  const steps = () => ({
    watchJobs: async () => {
      if (++look > looks) quiet = true;
      if (quiet) return cancelled();
      return { ledgers: seen, lastLook: look, alerts: look === 1 ? [watchedFailing] : [], noted: {}, notices: [], wantedFrom: null };
    },
    raiseAlert: async () => undefined,
  });
  return {
    start: async () => {
      await on.outside({}, steps);
      await on.client.startWatch('counts');
      await on.when('the watch is quiet', () => quiet);
    },
  };
};

course('watch', async (on) => {
  await watching(on, 3).start();
  return ['watch/counts'];
});

course(
  'watch-continued-as-new',
  async (on) => {
    await watching(on, 12).start();
    return ['watch/counts'];
  },
  true,
);

export const COURSES: readonly Course[] = courses;
