namespace Exapyte.House.Tests;

/// <summary>A text file of the repository; <see cref="Path"/> is relative to its root, with forward slashes.</summary>
public sealed record SourceFile(string Path, string Text)
{
    public string Folder => Path.Contains('/', StringComparison.Ordinal) ? Path[..Path.LastIndexOf('/')] : "";

    public string NameWithoutExtension => System.IO.Path.GetFileNameWithoutExtension(Path);

    public bool IsTest => Path.StartsWith("tests/", StringComparison.Ordinal);
}

/// <summary>
/// The checked-out sources, found from the test's own location. Build output and local data are not part of it.
/// </summary>
public static class Repository
{
    static readonly string[] s_foldersLeftOut = ["artifacts", "bin", "obj", ".git", "data", "TestResults"];
    static readonly string[] s_textExtensions =
    [
        ".cs",
        ".csproj",
        ".props",
        ".targets",
        ".json",
        ".md",
        ".sh",
        ".sql",
        ".lua",
        ".txt",
        ".config",
        ".sln",
        ".xml",
        ".yml",
        ".editorconfig",
    ];

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<SourceFile> TextFiles { get; } =
    [
        .. Walk(Root)
            .Where(IsText)
            .Select(path => new SourceFile(Path.GetRelativePath(Root, path).Replace('\\', '/'), File.ReadAllText(path)))
            .OrderBy(file => file.Path, StringComparer.Ordinal),
    ];

    public static IReadOnlyList<SourceFile> CSharpFiles { get; } =
    [.. TextFiles.Where(file => file.Path.EndsWith(".cs", StringComparison.Ordinal))];

    public static IReadOnlyList<SourceFile> ProjectFiles { get; } =
    [.. TextFiles.Where(file => file.Path.EndsWith(".csproj", StringComparison.Ordinal))];

    public static SourceFile Read(string path) =>
        TextFiles.SingleOrDefault(file => file.Path == path) ?? new SourceFile(path, "");

    public static bool Exists(string path) => File.Exists(Path.Combine(Root, path));

    static bool IsText(string path) =>
        s_textExtensions.Contains(Path.GetExtension(path), StringComparer.Ordinal)
        || Path.GetFileName(Path.GetDirectoryName(path)) == ".ci";

    static IEnumerable<string> Walk(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
            yield return file;
        foreach (var child in Directory.EnumerateDirectories(folder))
        {
            if (s_foldersLeftOut.Contains(Path.GetFileName(child), StringComparer.Ordinal))
                continue;
            foreach (var file in Walk(child))
                yield return file;
        }
    }

    static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Exapyte.sln")))
                return at.FullName;
        }
        throw new InvalidOperationException($"No Exapyte.sln above {AppContext.BaseDirectory}.");
    }
}
