import { allHandlersFinished, condition, setHandler } from '@temporalio/workflow';
import type { RepairOutcome, RepairRequest } from '../domain/repair.js';
import { repairDeadEnd, type RepairClusterInput } from './messages.js';
import * as steps from './steps.js';
import { faultFrom } from './story.js';

/** Milliseconds for which the answers are kept: the cases of one cluster ask at about the same time. */
const LINGER = 60_000;

/**
 * The repairs of one cluster, one at a time: a bad entry takes the whole cluster down, and the cases of all its jobs
 * may ask at once. Cases ask by update, so that each gets the answer; the same repair is done once. Ends a minute
 * after the last answer.
 */
export async function repairCluster(input: RepairClusterInput): Promise<readonly RepairOutcome[]> {
  const asked = new Map<string, Promise<RepairOutcome>>();
  const answers: RepairOutcome[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let heard = 0;

  const repair = async (request: RepairRequest): Promise<RepairOutcome> => {
    const { job, deadEnd, modified } = request;
    try {
      return deadEnd.is === 'NoJobManager'
        ? await steps.startCluster({ job, deadEnd }, `${input.cluster}: start the JobManager`)
        : await steps.repairDeadEnd(
            { job, deadEnd, modified },
            `${input.cluster}: rename ${deadEnd.path} aside`,
          );
    } catch (error) {
      return { is: 'failed', fault: faultFrom(error, 'repairDeadEnd') };
    }
  };
  setHandler(
    repairDeadEnd,
    async (request) => {
      heard++;
      const { deadEnd, modified } = request;
      const key = `${deadEnd.is === 'NoJobManager' ? deadEnd.run : deadEnd.path} ${modified}`;
      const known = asked.get(key);
      if (known !== undefined) return known;
      const mine = last.then(() => repair(request));
      asked.set(key, mine);
      last = mine;
      const outcome = await mine;
      answers.push(outcome);
      // What was not done may be asked for again.
      if (outcome.is !== 'repaired' && outcome.is !== 'started') asked.delete(key);
      return outcome;
    },
    { description: 'A repair that a person has approved; cases send this, people approve in their case.' },
  );
  let known: number;
  do {
    await condition(() => heard > 0 && allHandlersFinished());
    known = heard;
  } while (await condition(() => heard > known, LINGER, { summary: 'may another case ask?' }));
  return answers;
}
