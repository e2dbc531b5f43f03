using System.CommandLine;
using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Inspection;
using Exapyte.Silo.Settings;
using Exapyte.Storage.Inspection;
using Exapyte.Storage.Node;

namespace Exapyte.Silo.CommandLine;

/// <summary>
/// <c>inspect</c>: looks into the data folder of a node that does not run. Ends with 0 where it is whole, with 1 where
/// something in it is damaged, and otherwise like a start that is refused.
/// </summary>
internal sealed class InspectCommand
{
    /// <summary>The verb, always the first argument.</summary>
    public const string Verb = "inspect";

    /// <summary>What it does, for the help.</summary>
    public const string Help =
        "Reads the data folder of a node that does not run, from end to end and without changing it, and says what it holds.";

    private readonly RootCommand root = new("Exapyte: a node of a distributed data service.");
    private readonly Option<string> data = new(SiloSetting.Data.Option)
    {
        Description = "data folder of a node that does not run",
        HelpName = SiloSetting.Data.ValueName,
        Required = true,
    };
    private readonly Option<bool> json = new("--json") { Description = "answer in JSON" };

    public InspectCommand()
    {
        Command inspect = new(Verb, Help);
        inspect.Options.Add(data);
        inspect.Options.Add(json);
        inspect.SetAction(Run);
        root.Subcommands.Add(inspect);
    }

    /// <summary>Runs the command.</summary>
    /// <returns>The exit code.</returns>
    public int Run(IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count == 0)
            return parsed.Invoke(new InvocationConfiguration { Output = output, Error = error });
        foreach (string reason in parsed.Errors.Select(e => e.Message))
            error.WriteLine($"exapyte: {reason}");
        return (int)ExitCode.Settings;
    }

    private int Run(ParseResult parsed)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        DataFolderInspection found;
        try
        {
            found = DataFolderInspector.Inspect(parsed.GetRequiredValue(data), InspectionDocument.StorePrefixOf);
        }
        catch (Exception e) when (e is DataFolderException or IOException or UnauthorizedAccessException)
        {
            parsed.InvocationConfiguration.Error.WriteLine($"exapyte: {e.Message}");
            return (int)ExitCode.DataFolder;
        }
        InspectionDocument document = InspectionDocument.Of(found);
        if (parsed.GetValue(json))
            output.WriteLine(document.ToJson());
        else
            InspectionTables.Write(output, document);
        return (int)(document.IsWhole ? ExitCode.Stopped : ExitCode.Failed);
    }
}
