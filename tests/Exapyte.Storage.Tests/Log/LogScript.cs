using System.Text;
using Exapyte.Storage.Log;

namespace Exapyte.Storage.Tests.Log;

/// <summary>
/// Random but lawful work: submits operations to a log and does the same to a model. One call to <see cref="Step"/> is
/// one batch, so the model before and after it are the only states that a crash may leave.
/// </summary>
sealed class LogScript(int seed)
{
    readonly Random _chance = new(seed);
    ulong _nextGroup = 1;

    public LogModel Model { get; set; } = new();

    /// <summary>Submits one batch and returns how its operations end.</summary>
    public List<Outcome> Step(INodeLog log)
    {
        List<Outcome> outcomes = [];
        var operations = _chance.Next(1, 5);
        for (var i = 0; i < operations; i++)
            outcomes.Add(Operate(log));
        return outcomes;
    }

    Outcome Operate(INodeLog log)
    {
        var hosted = Model.Hosted.ToArray();
        if (hosted.Length == 0 || (hosted.Length < 4 && _chance.Next(8) == 0))
            return Create(log);
        // The first group is quiet: its old entries pin old segments.
        var id = _chance.Next(12) == 0 ? hosted[0] : hosted[_chance.Next(hosted.Length)];
        return _chance.Next(40) switch
        {
            0 => Install(log, id),
            1 when hosted.Length > 2 => Destroy(log, id),
            2 => Forget(log) ?? Append(log, id),
            3 => RaiseClock(log),
            4 => Describe(log, id),
            < 14 when id != hosted[0] => Compact(log, id) ?? Append(log, id),
            _ => Append(log, id),
        };
    }

    Outcome Create(INodeLog log)
    {
        var id = _nextGroup++;
        Model.Describe(id, $"group {id}");
        return log.Create(id, $"group {id}");
    }

    Outcome Describe(INodeLog log, ulong id)
    {
        var descriptor = new string((char)('a' + _chance.Next(26)), _chance.Next(200));
        Model.Describe(id, descriptor);
        return log.Create(id, descriptor);
    }

    Outcome Append(INodeLog log, ulong id)
    {
        var (first, last) = Model.Range(id);
        GroupState? state = _chance.Next(3) == 0 ? new((ulong)_chance.Next(50), (ulong)_chance.Next(9), last) : null;
        var count = _chance.Next(6);
        var from = last + 1;
        if (last >= first && _chance.Next(5) == 0)
            from = last - (ulong)_chance.Next((int)Math.Min(4, last - first + 1));
        var term = (from > first ? Model.TermAt(id, from - 1) : 1) + (_chance.Next(4) == 0 ? 1UL : 0);
        var entries = Enumerable
            .Range(0, count)
            .Select(i => LogKit.Entry(term, from + (ulong)i, _chance.Next(5) == 0 ? 3000 : _chance.Next(300)))
            .ToArray();
        Model.Append(id, state, entries);
        return log.Append(id, state, entries);
    }

    Outcome? Compact(INodeLog log, ulong id)
    {
        var (first, last) = Model.Range(id);
        if (last < first)
            return null;
        var through = first + (ulong)_chance.Next((int)(last - first + 1));
        var term = Model.TermAt(id, through);
        Model.Compact(id, through);
        return log.Compact(id, through, term);
    }

    Outcome Install(INodeLog log, ulong id)
    {
        var (_, last) = Model.Range(id);
        var (prefix, index, term) = (
            (ulong)_chance.Next(100),
            last + (ulong)_chance.Next(10),
            (ulong)_chance.Next(1, 60)
        );
        Model.Install(id, prefix, index, term, "members");
        var outcome = new Outcome();
        log.SnapshotInstalled(new GroupId(id), prefix, index, term, Encoding.UTF8.GetBytes("members"), outcome);
        return outcome;
    }

    Outcome Destroy(INodeLog log, ulong id)
    {
        Model.Destroy(id);
        var outcome = new Outcome();
        log.Destroy(new GroupId(id), outcome);
        return outcome;
    }

    Outcome? Forget(INodeLog log)
    {
        if (!Model.Destroyed.Any())
            return null;
        var id = Model.Destroyed.First();
        Model.Forget(id);
        var outcome = new Outcome();
        log.ForgetDestroyed(new GroupId(id), outcome);
        return outcome;
    }

    Outcome RaiseClock(INodeLog log)
    {
        var stamp = _chance.NextInt64(1, 1_000_000);
        Model.RaiseClock(stamp);
        var outcome = new Outcome();
        log.SetClockHighWater(stamp, outcome);
        return outcome;
    }
}
