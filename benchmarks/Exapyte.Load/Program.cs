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

static async Task<int> RunAllAsync(LoadPlan plan)
{
    // Where the record goes to standard output, it alone does.
    var console = plan.RecordTo == "-" ? Console.Error : Console.Out;
    var machine = MachineDescription.OfThisMachine();
    await console.WriteLineAsync($"{machine.Cores} cores, {machine.Cpu}, {machine.MemoryMiB} MiB, {machine.Kernel}");
    var results = new List<LoadResult>();
    foreach (var run in plan.Runs)
    {
        await Keyspace.EnsureAsync(run);
        var addresses = await Dns.GetHostAddressesAsync(run.Url.Host);
        var result = await new LoadRun(run, new IPEndPoint(addresses[0], run.Url.Port)).RunAsync();
        await console.WriteLineAsync(result.ToString());
        results.Add(result);
    }
    var record = LoadJson.Write(new LoadRecord(TimeProvider.System.GetUtcNow(), machine, results));
    if (plan.RecordTo == "-")
        Console.WriteLine(record);
    else if (plan.RecordTo is not null)
        await File.WriteAllTextAsync(plan.RecordTo, record + "\n");
    var missed = plan.Check is null ? [] : Expectations.Missed(plan.Check, results);
    foreach (var reason in missed)
        await Console.Error.WriteLineAsync($"{plan.Check}: {reason}");
    return missed.Count == 0 ? 0 : 1;
}
