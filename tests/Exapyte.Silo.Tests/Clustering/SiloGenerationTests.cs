using Exapyte.Hosting.Clustering;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Xunit;

namespace Exapyte.Silo.Tests.Clustering;

public sealed class SiloGenerationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_first_start_takes_the_wall_clock_and_so_does_every_later_one_while_it_goes_on()
    {
        Assert.Equal(1_000, Start(now: 1_000));
        Assert.Equal(1_005, Start(now: 1_005));
    }

    [Fact]
    public void A_start_with_a_clock_that_went_back_comes_after_every_earlier_one()
    {
        Assert.Equal(10_000, Start(now: 10_000));
        Assert.Equal(10_001, Start(now: 6_400));
        Assert.Equal(10_002, Start(now: 6_401));
        Assert.Equal(10_003, Start(now: 10_002));
        Assert.Equal(20_000, Start(now: 20_000));
    }

    [Fact]
    public void Two_starts_within_a_second_differ()
    {
        Assert.Equal(1_000, Start(now: 1_000));
        Assert.Equal(1_001, Start(now: 1_000));
    }

    [Fact]
    public void A_generation_that_does_not_verify_is_refused_not_forgotten()
    {
        Start(now: 1_000);
        string document = folder.File(Path.Combine("data", "documents", SiloGeneration.Document));
        byte[] bytes = File.ReadAllBytes(document);
        bytes[^1] ^= 0xff;
        File.WriteAllBytes(document, bytes);

        Assert.Throws<DataFolderException>(() => Start(now: 2_000));
    }

    private int Start(int now)
    {
        using DataFolder data = DataFolder.Open(folder.File("data"), "n1", new PosixFiles());
        return SiloGeneration.Next(data, now);
    }
}
