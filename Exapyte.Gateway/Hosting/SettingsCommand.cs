using System.CommandLine;

namespace Exapyte.Gateway.Hosting;

/// <summary>What the arguments say: settings to lay over the configuration, or reasons against them.</summary>
internal readonly record struct CommandLineResult(
    IReadOnlyDictionary<string, string?> Overrides,
    IReadOnlyList<string> Reasons
);

/// <summary>
/// The command line: one option a setting, nothing else. Values stay text here; the reader of the settings
/// judges them together with those of the environment, so that all reasons come at once.
/// </summary>
internal sealed class SettingsCommand
{
    /// <summary>No @file arguments: a value such as a connection string may begin with any character.</summary>
    private static readonly ParserConfiguration Plain = new()
    {
        ResponseFileTokenReplacer = null,
        EnablePosixBundling = false,
    };

    private readonly Dictionary<Setting, Option> options = [];
    private readonly RootCommand root;

    /// <param name="description">What the program is, for the help.</param>
    /// <param name="settings">Its settings, in the order of the help.</param>
    /// <param name="verbs">What else it does. For the help only: whoever begins with a verb never gets here.</param>
    public SettingsCommand(string description, IReadOnlyList<Setting> settings, params Command[] verbs)
    {
        root = new(description);
        foreach (Setting setting in settings)
        {
            Option option = setting.IsSwitch ? Flag(setting) : Text(setting);
            options.Add(setting, option);
            root.Options.Add(option);
        }
        foreach (Command verb in verbs)
            root.Subcommands.Add(verb);
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
