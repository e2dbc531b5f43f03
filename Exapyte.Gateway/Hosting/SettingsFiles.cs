using System.Text.Json;

namespace Exapyte.Gateway.Hosting;

/// <summary>Says what is wrong with a settings file that is no JSON, and where.</summary>
internal static class SettingsFiles
{
    private const StringSplitOptions Trimmed = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

    /// <summary>One line for the operator; line and character are counted from 1.</summary>
    public static string ReasonOf(InvalidDataException failure)
    {
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is JsonException { LineNumber: { } line, BytePositionInLine: { } position } json)
            {
                // It quotes what it met, which may go over several lines.
                string what = string.Join(
                    ' ',
                    json.Message.Split(" LineNumber:", 2)[0].TrimEnd('.').Split('\n', Trimmed)
                );
                return $"{failure.Message.TrimEnd('.')} Line {line + 1}, character {position + 1}: {what}.";
            }
        }
        return failure.Message;
    }
}
