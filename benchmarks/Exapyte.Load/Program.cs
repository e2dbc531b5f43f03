using System.CommandLine;
using System.Net;
using Exapyte.Load;

try
{
    var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false };
    return await new CommandLine().Create(RunAllAsync).Parse(args).InvokeAsync(configuration);
}
catch (Exception exception) when (exception is FormatException or InvalidOperationException or HttpRequestException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}

static async Task<int> RunAllAsync(IReadOnlyList<LoadOptions> runs, string? recordTo)
{
    // Where the record goes to standard output, it alone does.
    var console = recordTo == "-" ? Console.Error : Console.Out;
    var machine = MachineDescription.OfThisMachine();
    await console.WriteLineAsync($"{machine.Cores} cores, {machine.Cpu}, {machine.MemoryMiB} MiB, {machine.Kernel}");
    var results = new List<LoadResult>();
    foreach (var run in runs)
    {
        await Keyspace.EnsureAsync(run);
        var addresses = await Dns.GetHostAddressesAsync(run.Url.Host);
        var result = await new LoadRun(run, new IPEndPoint(addresses[0], run.Url.Port)).RunAsync();
        await console.WriteLineAsync(result.ToString());
        results.Add(result);
    }
    var record = LoadJson.Write(new LoadRecord(TimeProvider.System.GetUtcNow(), machine, results));
    if (recordTo == "-")
        Console.WriteLine(record);
    else if (recordTo is not null)
        await File.WriteAllTextAsync(recordTo, record + "\n");
    return 0;
}
