using CsCheck;
using Exapyte.Client.Caching;
using Exapyte.Operations;

namespace Exapyte.Client.Tests.Caching;

public sealed class KeyFloorsTests
{
    private static readonly Gen<(int Kind, int Key, ulong Version)[]> Runs = Gen.Select(
        Gen.Int[0, 5],
        Gen.Int[0, 5],
        Gen.ULong[1, 9]
    ).Array[1, 200];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100)]
    public void A_read_is_admitted_only_with_what_was_not_told_to_be_too_old_since_it_began(int floorsMax) =>
        Runs.Sample(run =>
        {
            var floors = new KeyFloors(floorsMax);
            // What was told of each key, with its number; a bar is of a version that no read has.
            List<(int Key, VersionStamp Version, long Number)> told = [];
            var number = 0L;
            foreach (var (kind, key, version) in run)
            {
                number++;
                switch (kind)
                {
                    case 0:
                        floors.Bar(new(new[] { (byte)key }), number);
                        told.Add((key, new(ulong.MaxValue), number));
                        break;
                    case 1 when version == 1:
                        floors.BarAll(number);
                        told.AddRange(
                            Enumerable.Range(0, 6).Select(any => (any, new VersionStamp(ulong.MaxValue), number))
                        );
                        break;
                    case 2 when version == 1:
                        floors.Forget(1);
                        break;
                    default:
                        floors.Raise(new(new[] { (byte)key }), new(version), number);
                        told.Add((key, new(version), number));
                        break;
                }
                Assert.InRange(floors.Count, 0, floorsMax);
                Assert.Equal(floors.Count * 257L, floors.Bytes);
                for (var begun = Math.Max(0, number - 20); begun <= number; begun++)
                {
                    var mine = told.Where(one => one.Key == key && one.Number > begun).ToArray();
                    var least = mine.Length == 0 ? default : mine.Max(one => one.Version);
                    Assert.False(
                        least > new VersionStamp(version)
                            && floors.Admits(new(new[] { (byte)key }), new(version), begun)
                    );
                }
            }
            if (floorsMax == 100 && !run.Any(step => step is { Kind: 1 or 2, Version: 1 }))
            {
                Assert.True(floors.Admits(new(new byte[] { 9 }), new(1), 0));
            }
        });
}
