import { describe, expect, test } from 'vitest';
import { differing, haSettingsIn } from '../../domain/ha-settings.js';

const ours = { root: '/flink', clusterId: '/default' };
const zookeeper = { 'high-availability.type': 'zookeeper' };

describe("the cluster's HA settings", () => {
  test.each<[string, typeof ours | null, Record<string, string>, string | null]>([
    ['Flink fills its defaults in', ours, zookeeper, null],
    ['the older key of the kind counts', ours, { 'high-availability': 'ZooKeeper' }, null],
    [
      'slashes make no other root',
      ours,
      { ...zookeeper, 'high-availability.zookeeper.path.root': 'flink/' },
      null,
    ],
    ['without HA on both sides', null, {}, null],
    ['HA that is not configured here', null, zookeeper, 'configured without HA'],
    ['HA that the cluster does not have', ours, {}, 'runs with none'],
    ['another kind of HA', ours, { 'high-availability.type': 'kubernetes' }, 'runs with kubernetes'],
    [
      'another root',
      ours,
      { ...zookeeper, 'high-availability.zookeeper.path.root': '/other' },
      'high-availability.zookeeper.path.root: configured /flink, the cluster has /other',
    ],
    [
      'another cluster id',
      ours,
      { ...zookeeper, 'high-availability.cluster-id': '/other' },
      'high-availability.cluster-id: configured /default, the cluster has /other',
    ],
  ])('%s', (_what, configured, configuration, expected) => {
    const differs = differing(configured, haSettingsIn(configuration));
    if (expected === null) expect(differs).toBeNull();
    else expect(differs).toContain(expected);
  });
});
