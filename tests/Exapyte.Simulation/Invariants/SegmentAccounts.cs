using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// Each segment of a node's log knows how many entries of each group it holds that are still wanted: by that it is released,
/// neither too early nor never.
/// </summary>
internal sealed class SegmentAccounts
{
    private readonly Dictionary<(uint Segment, GroupId Group), LiveEntries> counted = [];

    public void Require(SteppedNodeLog log, IEnumerable<GroupId> groups)
    {
        var index = LogDoor.IndexOf(LogDoor.CoreOf(log));
        counted.Clear();
        foreach (var id in groups)
        {
            if (index.Find(id) is { IsHosted: true } group)
            {
                Count(group);
            }
        }
        foreach (var segment in index.Segments.All)
        {
            foreach (var (group, live) in segment.Live)
            {
                History.Require(
                    counted.Remove((segment.Number, group), out var found) && found == live,
                    "segment-accounts",
                    $"segment {segment.Number} counts {live} of group {group}, which has {found} there"
                );
            }
        }
        foreach (var ((segment, group), found) in counted)
        {
            throw new ViolationException(
                "segment-accounts",
                $"segment {segment} does not count {found} of group {group}, or is not there any more"
            );
        }
    }

    private void Count(GroupIndex group)
    {
        for (var i = group.FirstIndex; i <= group.LastIndex; i++)
        {
            var position = group.PositionAt(i);
            var place = (position.Segment, group.Id);
            var before = counted.GetValueOrDefault(place);
            counted[place] = new(before.Count + 1, before.Bytes + position.Bytes);
        }
    }
}
