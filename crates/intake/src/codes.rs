//! The codes of what `intake` says about templates.

use diagnostics::codes;

codes! {
    NO_TEMPLATES = "CFN0001", "no CloudFormation template was found",
        "None of the paths given holds a CloudFormation template: a YAML or JSON file with a section \
         `Resources`. What was found instead is listed. Terraform, CDK and Kubernetes sources are not read; \
         `cdk synth` writes templates that are.";
    NOT_A_TEMPLATE = "CFN0002", "a file is not a CloudFormation template and was skipped",
        "A template has a section `Resources` whose entries have a `Type`. The file has none, so nothing in it \
         was judged. This is said for every file that was skipped, so that none is passed over in silence.";
    UNREADABLE_FILE = "CFN0003", "a file or folder cannot be read",
        "The operating system refused, the file is not text, or it is larger than what CloudFormation accepts. \
         Nothing in it was judged.";
    BAD_SECTION = "CFN0004", "a section of the template is not what it must be",
        "`Parameters`, `Mappings`, `Conditions`, `Resources`, `Outputs`, `Metadata` and `Rules` are mappings, and \
         so is every entry of them, except that a condition is a function.";
    UNKNOWN_SECTION = "CFN0005", "the template has a section that CloudFormation does not know",
        "CloudFormation refuses a template with a top-level key it does not know. Often an attribute of a \
         resource (`DependsOn`, `Properties`) has lost its indentation.";
    UNKNOWN_ATTRIBUTE = "CFN0006", "an entry has an attribute that CloudFormation does not know",
        "A resource has `Type`, `Properties`, `DependsOn`, `Condition`, `DeletionPolicy`, `UpdateReplacePolicy`, \
         `CreationPolicy`, `UpdatePolicy` and `Metadata` and nothing else; parameters and outputs have theirs. \
         Often a property stands one level too far out.";
    MISSING_ATTRIBUTE = "CFN0007", "an entry lacks an attribute it must have",
        "A resource and a parameter need a `Type`, an output needs a `Value`.";
    BAD_NAME = "CFN0008", "a logical id has characters that are not letters or digits",
        "Logical ids of resources, parameters and outputs consist of letters and digits (A-Z, a-z, 0-9) and \
         have at most 255 of them.";
    SHARED_NAME = "CFN0009", "a parameter and a resource share a name",
        "`Ref` could mean either. CloudFormation refuses the template. Rename one of the two.";
    NULL_VALUE = "CFN0010", "a value is missing",
        "CloudFormation refuses `null` anywhere in a template; in YAML, a key with nothing behind it is null. \
         Leave the key out, give it a value, or write `!Ref AWS::NoValue`.";
    UNKNOWN_FUNCTION = "CFN0011", "a function does not exist",
        "The key begins with `Fn::`, or the YAML tag with `!`, as functions do, but CloudFormation has no \
         function of that name.";
    CROWDED_FUNCTION = "CFN0012", "a function has other keys beside it",
        "A function is the only key of its mapping: `{\"Fn::Sub\": …}`. CloudFormation refuses a mapping where \
         another key stands beside it.";
    BAD_ARGUMENT = "CFN0013", "an argument of a function is not what it must be",
        "Each function takes a fixed number of arguments of fixed kinds; the message says which one is wrong \
         and what was expected.";
    MISPLACED_FUNCTION = "CFN0014", "a function stands where it may not",
        "Condition functions stand in the section `Conditions`, rule functions in `Rules`, and in `Conditions` \
         nothing may refer to a resource, since conditions are decided before any resource exists.";
    NEEDS_LANGUAGE_EXTENSIONS = "CFN0015", "a function needs the transform AWS::LanguageExtensions",
        "`Fn::ForEach`, `Fn::Length`, `Fn::ToJsonString` and the default value of `Fn::FindInMap` exist only in \
         templates that say `Transform: AWS::LanguageExtensions`.";
    UNKNOWN_REFERENCE = "CFN0016", "a reference names nothing that exists",
        "`Ref`, `Fn::GetAtt` and `${…}` name a parameter or a resource of the same template, or a pseudo \
         parameter such as `AWS::Region`.";
    UNKNOWN_RESOURCE_ATTRIBUTE = "CFN0017", "a resource has no attribute of that name",
        "What `Fn::GetAtt` returns is fixed for each resource type; the AWS documentation of the type lists \
         it under \"Return values\".";
    UNKNOWN_CONDITION = "CFN0018", "a condition does not exist",
        "`Condition`, `Fn::If` and `!Condition` name an entry of the section `Conditions`.";
    CONDITION_CYCLE = "CFN0019", "conditions depend on each other in a circle",
        "None of them can be decided before the others. Break the circle.";
    UNKNOWN_DEPENDENCY = "CFN0020", "DependsOn names nothing that exists",
        "`DependsOn` names one or more resources of the same template.";
    SELF_DEPENDENCY = "CFN0021", "a resource depends on itself",
        "CloudFormation would have to make it before it makes it. Remove the reference.";
    DEPENDENCY_CYCLE = "CFN0022", "resources depend on each other in a circle",
        "CloudFormation refuses the template, since none of them can be made first. The places where each one \
         refers to the next are listed. Security groups that name each other are the usual case: write the \
         rules as `AWS::EC2::SecurityGroupIngress` resources.";
    IDLE_DEPENDENCY = "CFN0023", "DependsOn stands in a place where it does nothing",
        "`DependsOn` orders resources and is an attribute of a resource, beside `Type`. Anywhere else it is \
         ignored or refused, and the order it asks for is not kept.";
    UNKNOWN_MAP = "CFN0024", "a mapping or a key of it does not exist",
        "`Fn::FindInMap` looks up a first and a second key in an entry of the section `Mappings`.";
    OUT_OF_RANGE = "CFN0025", "an index is outside the list",
        "`Fn::Select` counts from 0; the list has fewer items.";
    BAD_CIDR = "CFN0026", "Fn::Cidr cannot cut these blocks out of that one",
        "`Fn::Cidr` takes a block, how many to cut (1 to 256) and the number of *host* bits of each: 8 bits make \
         /24 blocks in IPv4 and 64 bits make /64 blocks in IPv6. The blocks must fit.";
    LEFT_OUT = "CFN0027", "a reference names a resource that a condition leaves out",
        "The condition of the resource is false, or may be, where something that remains refers to it. \
         CloudFormation then stops with \"Unresolved resource dependencies\". Put the reference behind \
         `Fn::If` with the same condition.";
    BAD_PARAMETER = "CFN0028", "a parameter is not declared as it must be",
        "The type does not exist, a constraint does not fit the type, or the default is not a text or number.";
    BAD_PARAMETER_VALUE = "CFN0029", "a value does not satisfy the parameter's constraints",
        "`AllowedValues`, `AllowedPattern`, `MinLength`, `MaxLength`, `MinValue` and `MaxValue` hold for every \
         value, the default included; a default that does not satisfy them can never be deployed.";
    UNKNOWN_PARAMETER = "CFN0030", "a value is given for a parameter that does not exist",
        "The template does not declare a parameter of that name.";
    NESTED_NOT_FOUND = "CFN0031", "the template of a nested stack was not found",
        "`TemplateURL` names a template that is not among the files given, so its resources are not judged and \
         its outputs are unknown. Give the folder that holds it as well. The last parts of the address are \
         compared with the paths of the files.";
    NESTED_TOO_DEEP = "CFN0032", "stacks nest in a circle or too deep",
        "A template nests itself, directly or through others, or stacks nest more than 16 deep.";
    UNKNOWN_OUTPUT = "CFN0033", "a nested stack has no output of that name",
        "`Fn::GetAtt` of `Outputs.Name` names an output of the nested template.";
    UNKNOWN_MACRO = "CFN0034", "a macro may change what is written",
        "The template is transformed by a macro whose code only AWS can run. Steward reads what is written; \
         what the macro adds or changes is unknown and not judged.";
    NOT_EXPANDED = "CFN0035", "part of a serverless resource is not expanded",
        "Steward expands `AWS::Serverless` resources to those that AWS SAM makes, for the common types. What is \
         not covered is kept as an unknown and named here; what SAM would make of it is not judged.";
    INCLUDE_NOT_FOUND = "CFN0036", "an included file was not found",
        "`AWS::Include` names a file that is not among the files given, so what it holds is unknown.";
    BAD_LOOP = "CFN0037", "a loop cannot be read",
        "`Fn::ForEach::Name: [Identifier, collection, {Key${Identifier}: value}]` repeats its third item for \
         every member of the collection.";
    TOO_LARGE = "CFN0038", "the template expands to too much",
        "Loops and repeated values make more of this template than CloudFormation would accept. Reading stopped \
         there; the rest is unknown.";
    RULES_NOT_EVALUATED = "CFN0039", "the section Rules is not evaluated",
        "`Rules` check parameter values before deployment. Steward reads them for mistakes, but does not \
         assume that they hold: values that a rule would refuse are still judged.";
    BAD_MANIFEST = "CFN0040", "the manifest or a parameter file cannot be read",
        "`steward-templates.yaml` says in which account and region templates are deployed and with which \
         parameter values; a parameter file has one of the three shapes that AWS tools read.";
    BAD_CONDITION = "CFN0041", "a condition is not a function",
        "A condition is one of `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` or `Condition`.";
    BAD_TYPE = "CFN0042", "a resource type is not a name",
        "`Type` is a text such as `AWS::S3::Bucket` or `Custom::Name`.";
    NO_RESOURCES = "CFN0043", "the template has no resources",
        "A template has a section `Resources` with at least one resource.";
    OTHER_FORMAT = "CFN0044", "this is infrastructure code of another tool",
        "Only CloudFormation is read. For CDK, give the folder that `cdk synth` writes; for Terraform, Pulumi \
         and others there is no reader.";
    NESTED_AMBIGUOUS = "CFN0045", "the template of a nested stack could be several files",
        "The last parts of `TemplateURL` fit more than one of the files given equally well. The resources of \
         the nested stack are not judged and its outputs are unknown.";
    UNUSED_VARIABLE = "CFN0046", "a variable of Fn::Sub is never used",
        "The second argument of `Fn::Sub` defines a name that the text does not mention as `${Name}`.";
    CONFLICTING_EXPORT = "CFN0047", "two templates export the same name",
        "Export names are unique within an account and region, so both cannot be deployed there. `Fn::ImportValue` \
         of the name is unknown.";
    UNKNOWN_COLLECTION = "CFN0048", "a loop runs over a collection that is not known",
        "What `Fn::ForEach` makes depends on a value that is not known before deployment, so it is not judged. \
         Give the parameter a value.";
    BAD_POLICY = "CFN0049", "a deletion policy does not exist",
        "`DeletionPolicy` is one of Delete, Retain, RetainExceptOnCreate and Snapshot; `UpdateReplacePolicy` is \
         one of Delete, Retain and Snapshot.";
    TRANSFORM_MISSING = "CFN0050", "a serverless resource without the transform that knows it",
        "Resources of type `AWS::Serverless::…` exist only in templates that say \
         `Transform: AWS::Serverless-2016-10-31`.";
}
