using CsCheck;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

public sealed class ModelTests
{
    [Fact]
    [Trait("Scenario", "disk_store_persistence")]
    public void A_log_holds_what_its_model_holds_through_any_work_and_any_restarts() =>
        Gen.Select(Gen.Int[1, int.MaxValue], Gen.Int[0, 2].Array[1, 60])
            .Sample(
                (seed, actions) =>
                {
                    var files = new SimulatedFiles();
                    var chance = new Random(seed);
                    var script = new LogScript(seed);
                    var log = Open(files, out var recovery);
                    foreach (var action in actions)
                    {
                        for (var i = 0; i < 10; i++)
                        {
                            var outcomes = script.Step(log);
                            log.Step();
                            Assert.All(outcomes, o => Assert.True(o.IsOk, o.Result?.Reason));
                        }
                        if (action == 0)
                            log.IdleStep();
                        if (action == 1)
                            files.Restart();
                        else
                            files.PowerCut(chance);
                        log = Open(files, out recovery);
                        Assert.Empty(recovery.Damage);
                        Assert.Equal(script.Model.ToString(), LogModel.Show(log, recovery));
                    }
                },
                iter: 40
            );

    [Fact]
    public void A_deque_behaves_as_a_list_does() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 40])
            .Array[1, 200]
            .Sample(operations =>
            {
                var deque = new Deque<int>();
                List<int> list = [];
                foreach (var (kind, count) in operations)
                {
                    var removed = Math.Min(count, list.Count);
                    if (kind == 0)
                    {
                        deque.RemoveFirst(removed);
                        list.RemoveRange(0, removed);
                    }
                    else if (kind == 1)
                    {
                        deque.RemoveLast(removed);
                        list.RemoveRange(list.Count - removed, removed);
                    }
                    else
                    {
                        for (var i = 0; i < count; i++)
                        {
                            deque.Add(list.Count);
                            list.Add(list.Count);
                        }
                    }
                    Assert.Equal(list.Count, deque.Count);
                    for (var i = 0; i < list.Count; i++)
                        Assert.Equal(list[i], deque[i]);
                }
            });

    [Fact]
    public void Runs_of_terms_know_the_term_of_every_entry_present() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 10])
            .Array[1, 120]
            .Sample(operations =>
            {
                var runs = new TermRuns();
                SortedDictionary<ulong, ulong> terms = [];
                ulong compacted = 0,
                    last = 0,
                    term = 1;
                foreach (var (kind, count) in operations)
                {
                    if (kind == 0)
                    {
                        var from = Math.Max(compacted + 1, last - Math.Min(last, (ulong)count));
                        runs.TruncateFrom(from);
                        last = from - 1;
                    }
                    else if (kind == 1)
                    {
                        compacted = Math.Min(last, compacted + (ulong)count);
                        runs.CompactThrough(compacted);
                        if (compacted == last)
                            runs.Clear();
                    }
                    else
                    {
                        term += (ulong)(kind % 2);
                        for (var i = 0; i < count; i++)
                            runs.Append(++last, terms[last] = term);
                    }
                    for (var index = compacted + 1; index <= last; index++)
                        Assert.Equal(terms[index], runs.TermAt(index));
                }
            });

    [Fact]
    public void The_tail_cache_gives_what_was_written_or_nothing() =>
        Gen.Select(Gen.Int[1, 700], Gen.Int[0, 300])
            .Array[1, 100]
            .Sample(writes =>
            {
                const int Capacity = 1024;
                var cache = new TailCache(Capacity);
                var place = 5000L;
                List<(long Place, byte[] Bytes)> written = [];
                foreach (var (length, gap) in writes)
                {
                    place += gap;
                    var bytes = new byte[length];
                    Array.Fill(bytes, (byte)written.Count);
                    cache.Write(place, bytes);
                    written.Add((place, bytes));
                    place += length;
                    foreach (var (at, expected) in written)
                    {
                        var into = new byte[expected.Length];
                        var found = cache.TryRead(at, into);
                        Assert.Equal(at >= place - Capacity, found);
                        Assert.True(!found || into.SequenceEqual(expected));
                    }
                }
            });

    [Fact]
    public void Headers_are_read_as_they_were_written_and_under_no_other_seed() =>
        Gen.Select(Gen.ULong, Gen.UInt, Gen.Byte.Array[0, 100], Gen.ULong, Gen.UInt)
            .Sample(
                (group, ordinal, payload, logId, segment) =>
                {
                    var seed = LogChecksum.Seed(logId, segment);
                    var header = new RecordHeader(
                        RecordKind.Entry,
                        7,
                        ordinal,
                        new GroupId(group),
                        group / 3,
                        group / 5,
                        payload.Length,
                        LogChecksum.Compute(seed, payload)
                    );
                    var bytes = new byte[LogFormat.RecordHeaderBytes];
                    header.Write(bytes, seed);
                    Assert.Equal(header, RecordHeader.Read(bytes, seed));
                    Assert.True(header.PayloadVerifies(payload, seed));
                    var other = LogChecksum.Seed(logId, segment + 1);
                    Assert.Null(RecordHeader.Read(bytes, other));

                    var batch = new BatchHeader(payload.Length, ordinal, group, 3);
                    batch.Write(bytes, seed);
                    Assert.Equal(batch, BatchHeader.Read(bytes, seed));
                    Assert.Null(BatchHeader.Read(bytes, other));
                }
            );
}
