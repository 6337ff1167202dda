import type { Client } from '@temporalio/client';
import type { Deps } from '../activities/index.js';
import type { Ports } from '../adapters/ports.js';
import { ClientError, registeredSearchAttributes, type HoldfastClient } from '../client/index.js';
import type { Config } from '../config/config.js';
import { fault } from '../domain/failure.js';
import { absent, present, unknown } from '../domain/reading.js';

/** What the steps work with. The ledger is kept by Temporal: a look at it that fails is unknown, like every other. */
export function stepDeps(config: Config, ports: Ports, client: HoldfastClient, temporal: Client): Deps {
  return {
    config,
    ports,
    readLedger: async (cluster, job, signal) => {
      try {
        const ledgers = await temporal.withAbortSignal(signal, () => client.ledger(cluster));
        const ledger = ledgers?.[job];
        return ledger === undefined ? absent : present(ledger);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClientError)) throw error;
        return unknown(
          fault('Unclassified', `the ledger cannot be read: ${error.message}`, `watch/${cluster}`),
        );
      }
    },
    raiseAlert: async (alert) => {
      await client.raiseAlert(alert);
    },
    requestRepair: (cluster, request, id, signal) =>
      temporal.withAbortSignal(signal, () => client.repairDeadEnd(cluster, request, id)),
    standingHold: (cluster, job, signal) =>
      temporal.withAbortSignal(signal, () => client.standingHold(cluster, job)),
    registeredSearchAttributes: (signal) =>
      temporal.withAbortSignal(signal, () => registeredSearchAttributes(temporal)),
  };
}
