using System.CommandLine;
using Exapyte.Silo.Settings;

namespace Exapyte.Silo.CommandLine;

/// <summary>What the arguments say: settings to lay over the configuration, or reasons against them.</summary>
internal readonly record struct CommandLineResult(
    IReadOnlyDictionary<string, string?> Overrides,
    IReadOnlyList<string> Reasons
);

/// <summary>
/// The command line: one option a setting, nothing else. Values stay text here; <see cref="SettingsReader"/> judges
/// them together with those of the environment, so that all reasons come at once.
/// </summary>
internal sealed class SiloCommand
{
    /// <summary>No @file arguments: a value such as a connection string may begin with any character.</summary>
    private static readonly ParserConfiguration Plain = new()
    {
        ResponseFileTokenReplacer = null,
        EnablePosixBundling = false,
    };

    private readonly Dictionary<Setting, Option> options = [];
    private readonly RootCommand root = new(
        "Exapyte: a node of a distributed data service, with its REST gateway, in one process. "
            + "Without a command it runs the node."
    );

    public SiloCommand()
    {
        foreach (Setting setting in Setting.All)
        {
            Option option = setting == Setting.Insecure ? Flag(setting) : Text(setting);
            options.Add(setting, option);
            root.Options.Add(option);
        }
        // For the help only: whoever begins with the verb never gets here.
        root.Subcommands.Add(new Command(InspectCommand.Verb, InspectCommand.Help) { Hidden = false });
        root.SetAction(_ => 0);
    }

    /// <summary>Prints help or the version and returns true when the arguments ask for that.</summary>
    public bool TryAnswer(IReadOnlyList<string> args, TextWriter output)
    {
        ParseResult parsed = root.Parse(args, Plain);
        if (parsed.Errors.Count > 0 || parsed.Action == root.Action)
            return false;
        parsed.Invoke(new InvocationConfiguration { Output = output, Error = output });
        return true;
    }

    public CommandLineResult Parse(IReadOnlyList<string> args)
    {
        ParseResult parsed = root.Parse(args, Plain);
        Dictionary<string, string?> overrides = [];
        foreach ((Setting setting, Option option) in options)
        {
            if (parsed.GetResult(option) is not { Implicit: false, Errors: var errors } result || errors.Any())
                continue;
            overrides[setting.Path] = result.Tokens.Count == 0 ? bool.TrueString : result.Tokens[0].Value;
        }
        return new(overrides, [.. parsed.Errors.Select(e => e.Message)]);
    }

    private static Option<string> Text(Setting setting)
    {
        string defaultText = setting.Default is null ? "" : $" [{setting.Default}]";
        return new Option<string>(setting.Option)
        {
            Description = setting.Help + defaultText,
            HelpName = setting.ValueName,
        };
    }

    private static Option<bool> Flag(Setting setting) => new(setting.Option) { Description = setting.Help };
}
