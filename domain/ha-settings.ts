/** Where a cluster keeps its HA data: looked for elsewhere, it is never found (design, 4.2). */

/** As the cluster itself says. The watch remembers it, for when nobody is there to be asked. */
export interface HaSettings {
  /** `zookeeper`, `none`, `kubernetes`, or the name of a class; lower case. */
  readonly kind: string;
  /** Only with ZooKeeper; Flink's defaults filled in. */
  readonly root: string;
  readonly clusterId: string;
}

/** @param configuration of the JobManager, as `/jobmanager/config` answers */
export const haSettingsIn = (configuration: Readonly<Record<string, string>>): HaSettings => ({
  kind: (
    configuration['high-availability.type'] ??
    configuration['high-availability'] ??
    'none'
  ).toLowerCase(),
  root: configuration['high-availability.zookeeper.path.root'] ?? '/flink',
  clusterId: configuration['high-availability.cluster-id'] ?? '/default',
});

/**
 * In words, what of the cluster's settings is not what is configured here; null: nothing.
 * @param ours null: configured without HA.
 */
export function differing(
  ours: { readonly root: string; readonly clusterId: string } | null,
  theirs: HaSettings,
): string | null {
  if (ours === null)
    return theirs.kind === 'none' ? null : `configured without HA, the cluster runs with ${theirs.kind}`;
  if (!theirs.kind.includes('zookeeper'))
    return `configured with ZooKeeper, the cluster runs with ${theirs.kind}`;
  const pairs = [
    ['high-availability.zookeeper.path.root', ours.root, theirs.root],
    ['high-availability.cluster-id', ours.clusterId, theirs.clusterId],
  ] as const;
  const other = pairs.find(([, a, b]) => bare(a) !== bare(b));
  return other === undefined ? null : `${other[0]}: configured ${other[1]}, the cluster has ${other[2]}`;
}

/** Flink compares and joins its paths without the slashes around them. */
export const bare = (path: string): string => path.replace(/^\/+|\/+$/g, '');
