# Makes OUT/libwsio.a and OUT/libwsio.so of what cargo left in IN.
#
# Cargo's archive holds the whole of Rust's core, whose functions have global
# names: mangled ones that another Rust library in the program may have too, and
# plain ones such as fmod, which a program would get from here instead of from
# libm. So its objects are linked into one, in which only wsio_* stay global. The
# list stays a member of its own: a program may bring another.
#
# With AS_IT_IS the archive is only copied.

cmake_minimum_required(VERSION 3.18)

set(functions create destroy open close send dowork setoption get_interface_description)
list(TRANSFORM functions PREPEND wsio_)
list(TRANSFORM functions PREPEND --undefined= OUTPUT_VARIABLE roots)
list(TRANSFORM functions PREPEND --keep-global-symbol= OUTPUT_VARIABLE globals)

set(work "${OUT}/work")
function(run)
    execute_process(COMMAND ${ARGV} WORKING_DIRECTORY "${work}" RESULT_VARIABLE failed
        OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(failed)
        string(REPLACE ";" " " command "${ARGV}")
        message(FATAL_ERROR "${command}\n${output}")
    endif()
endfunction()

file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")
if(AS_IT_IS)
    file(COPY "${IN}/libwsio.a" DESTINATION "${work}")
else()
    run("${AR}" x "${IN}/libwsio.a")
    file(GLOB list "${work}/sdk_list-*.o")
    file(RENAME "${list}" "${work}/list.o")
    file(GLOB objects RELATIVE "${work}" "${work}/*.rcgu.o")
    run("${LD}" -r --gc-sections --force-group-allocation ${roots} -o wsio.o ${objects})
    # The bitcode is for Rust's own link-time optimisation, and confuses ar. Nothing
    # here unwinds; what is left of that is a name that would draw in libgcc_s.
    run("${OBJCOPY}" --strip-debug -R .llvmbc -R .llvmcmd
        --strip-unneeded-symbol=_Unwind_Resume ${globals} wsio.o)
    run("${AR}" rcsD libwsio.a wsio.o list.o)
endif()

# Only what changed is copied, so that nothing is linked anew without need.
configure_file("${work}/libwsio.a" "${OUT}/libwsio.a" COPYONLY)
configure_file("${IN}/libwsio.so" "${OUT}/libwsio.so.${VERSION}" COPYONLY)
file(CREATE_LINK libwsio.so.${VERSION} "${OUT}/libwsio.so.${MAJOR}" SYMBOLIC)
file(CREATE_LINK libwsio.so.${MAJOR} "${OUT}/libwsio.so" SYMBOLIC)
file(REMOVE_RECURSE "${work}")
