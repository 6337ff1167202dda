/** Twenty and more courses by which the driver is measured against a real server. */
import { activityInfo, cancelled } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { asked, closed, endless, recover, slow, storageAway } from '../histories/course.js';
import { COURSES } from '../histories/courses.js';
import { CASE, JOB, said, type Stage } from '../support/cases.js';
import { gate } from '../support/gate.js';

/** With what only these courses need. */
export interface HonestStage extends Stage {
  /** A worker with other code takes the place of the one at work, which is told to end. */
  deploy(): Promise<void>;
  /** The server no longer hears the worker at work, nor it the server; another takes its place. */
  cutOff(): Promise<void>;
}

/** What a course wants of its server: to suggest soon to continue as new, or to be cut off from its worker. */
export type Wanted = 'nothing' | 'continues soon' | 'cut off';

export interface HonestCourse {
  readonly name: string;
  readonly wants: Wanted;
  readonly play: (on: HonestStage) => Promise<readonly string[] | void>;
}

/** Of the recorded courses one for each thing that a server does differently. */
const RECORDED = [
  'restore',
  'restore-what-a-person-chose',
  'one-failed-attempt-and-an-early-wake',
  'failed-attempts-in-every-step',
  'n-failed-attempts-resume-and-close',
  'attempts-0',
  'deadline',
  'flink-brings-it-back',
  'aborted-during-a-submission-that-fails',
  'held-and-released',
  'standing-hold-said-to-an-open-case',
  'retried-now',
  'workflow-cancelled',
  'asks-approval',
  'asks-log-replaced',
  'asks-blank-run-until-nobody-answers',
  'asks-exhausted-and-more-is-granted',
  'asks-dead-end-and-repairs',
  'handed-over',
  'looks-would-restore',
  'watch',
];

const honest: HonestCourse[] = RECORDED.map((name) => {
  const found = COURSES.find((c) => c.name === name);
  if (found === undefined) throw new Error(`there is no course ${name}`);
  return { ...found, wants: 'nothing' };
});
const course = (name: string, play: HonestCourse['play'], wants: Wanted = 'nothing'): void =>
  void honest.push({ name, play, wants });

course('a-step-that-fails-for-technical-reasons-is-tried-again', async (on) => {
  let tries = 0;
  await on.outside({}, ({ steps }) => ({
    readState: async (input) => {
      if (++tries < 3) throw ApplicationFailure.retryable('Temporal did not answer', 'TemporalUnavailable');
      return steps.readState(input);
    },
  }));
  await recover(on);
  await on.end();
});

course('a-wait-that-its-worker-does-not-end-is-ended-by-the-server', async (on) => {
  let waits = 0;
  await on.outside({}, ({ world, steps }) => {
    world.storageDown = storageAway;
    return {
      awaitReturn: async (input) => {
        if (++waits === 1) return cancelled();
        world.storageDown = null;
        return steps.awaitReturn(input);
      },
    };
  });
  await recover(on);
  await on.end();
});

course('an-answer-to-no-question-is-refused-and-leaves-nothing', async (on) => {
  await on.outside({ approval: 'always' });
  await recover(on);
  const { id } = await asked(on, 'approval');
  const wrong = await on.client.approve(JOB, { ...said, question: '7-abc' }).then(
    () => 'taken',
    () => 'refused',
  );
  if (wrong !== 'refused') throw new Error('expected that an answer to another question is refused');
  await on.client.approve(JOB, { ...said, question: id });
  await on.end();
});

course('people-are-told-beside-the-case', async (on) => {
  const telling = gate();
  const { world } = await on.outside({ attempts: 1 }, ({ steps }) => ({
    openCase: async (input) => ({ ...(await steps.openCase(input)), noticesFrom: 'critical' }),
    notify: async () => {
      await telling.pass();
      return [];
    },
    watchRun: () => cancelled(),
  }));
  world.storageDown = storageAway;
  await recover(on);
  await on.until('aborted');
  await on.until(telling.reached);
  await closed(on, telling.open);
});

course('a-message-is-heard-once-the-step-is-called-off', async (on) => {
  const { world } = await on.outside(slow, () => endless);
  world.storageDown = storageAway;
  await recover(on);
  await on.until('waiting');
  await on.client.hold(JOB, said);
  await on.until('held');
  await on.client.abort(JOB, said);
  await on.until('aborted');
  await closed(on);
});

course('the-opening-is-tried-again-within-its-task', async (on) => {
  let tries = 0;
  await on.outside({}, ({ steps }) => ({
    openCase: async (input) => {
      if (++tries < 3) throw ApplicationFailure.retryable('Temporal did not answer', 'TemporalUnavailable');
      return steps.openCase(input);
    },
  }));
  await recover(on);
  await on.end();
});

/** The first workflow task goes on while the case is opened; what comes meanwhile waits for its end. */
const whileItOpens = (name: string, say: (on: HonestStage) => Promise<unknown>, then: typeof closed): void =>
  course(name, async (on) => {
    const opening = gate();
    await on.outside({}, ({ steps }) => ({
      openCase: async (input) => {
        await opening.pass();
        return steps.openCase(input);
      },
    }));
    await recover(on);
    await on.when('it opens', opening.reached);
    await say(on);
    opening.open();
    await then(on);
  });

whileItOpens('an-alert-comes-while-a-task-is-at-work', recover, async (on) => void (await on.end()));
whileItOpens(
  'a-cancellation-comes-while-a-task-is-at-work',
  (on) => on.raw.workflow.getHandle(CASE).cancel(),
  async (on) => {
    await on.until('aborted');
    await closed(on);
  },
);

course('a-worker-that-says-nothing-loses-its-step', async (on) => {
  const silence = gate();
  await on.outside({}, ({ steps }) => ({
    assessRun: async (input) => {
      if (activityInfo().attempt > 1) return (silence.open(), steps.assessRun(input));
      await silence.pass();
      throw new Error('nobody hears this');
    },
  }));
  await recover(on);
  await on.end();
});

course(
  'continues-as-new',
  async (on) => {
    let waits = 0;
    await on.outside({ attempts: null }, ({ world, steps }) => {
      world.storageDown = storageAway;
      return {
        awaitReturn: async (input) => {
          if (++waits === 6) world.storageDown = null;
          return steps.awaitReturn(input);
        },
      };
    });
    await recover(on);
    await on.end();
  },
  'continues soon',
);

course(
  'another-worker-takes-over',
  async (on) => {
    await on.outside(slow, ({ world }) => {
      world.storageDown = storageAway;
      return {
        awaitReturn: async () => {
          if (activityInfo().attempt === 1) return cancelled();
          world.storageDown = null;
          return { is: 'returned', at: Date.now() };
        },
      };
    });
    await recover(on);
    await on.until('waiting');
    await on.deploy();
    await on.end();
  },
  'continues soon',
);

course(
  'a-worker-that-is-cut-off-between-two-tasks',
  async (on) => {
    await on.outside({ approval: 'always' });
    await recover(on);
    const { id } = await asked(on, 'approval');
    await on.cutOff();
    await on.client.approve(JOB, { ...said, question: id });
    await on.end();
  },
  'cut off',
);

export const HONEST: readonly HonestCourse[] = honest;
