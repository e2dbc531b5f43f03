namespace Exapyte.Gateway.Hosting;

/// <summary>
/// Judges the names of environment variables that were meant for this process: a setting is <c>EXAPYTE__KEY</c>, with two
/// underscores and none within. One that is nearly a setting refuses the start; what is none at all is told and ignored.
/// </summary>
internal sealed record EnvironmentNames(IReadOnlyList<string> Reasons, IReadOnlyList<string> Ignored)
{
    private const string Prefix = "EXAPYTE_";
    private const string SettingPrefix = "EXAPYTE__";

    /// <summary>Judges these names; those of settings, right or wrong, are judged with their values elsewhere.</summary>
    /// <param name="names">Of variables.</param>
    /// <param name="settings">The process' own, with those that have no option.</param>
    public static EnvironmentNames Of(IEnumerable<string> names, IReadOnlyList<Setting> settings)
    {
        List<string> reasons = [];
        List<string> ignored = [];
        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            if (!IsOurs(name, Prefix) || IsOurs(name, SettingPrefix))
                continue;
            if (Meant(name, settings) is { } meant)
                reasons.Add($"{name}: there is no such setting; write {SettingPrefix}{meant.Key.ToUpperInvariant()}");
            else
                ignored.Add(name);
        }
        return new(reasons, ignored);
    }

    /// <summary>Names those that are ignored, one line each.</summary>
    public void Tell(TextWriter output)
    {
        foreach (string name in Ignored)
            output.WriteLine($"The environment variable {name} is no setting and is ignored.");
    }

    private static bool IsOurs(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    private static Setting? Meant(string name, IReadOnlyList<Setting> settings) =>
        settings.FirstOrDefault(setting =>
            string.Equals(Bare(setting.Key), Bare(name[Prefix.Length..]), StringComparison.OrdinalIgnoreCase)
        );

    private static string Bare(string name) => name.Replace("_", "", StringComparison.Ordinal);
}
